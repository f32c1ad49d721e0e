/* signed_tokens.h - a token of each family, signed by node:crypto (Node 20) at NOW, and its public key.
 *
 * header {alg, typ, kid: "k"}, claims {sub: AC, jti: "j", iat, exp: an hour later, grants: alice, incoming}.
 * The private keys are gone.
 */
#pragma once

static const char rsa_pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsPecmrCl0+EcEWOhKUvN\n"
	"UQvnQJSDsc8AzKTNWHixgylJJO85zSDe2p8efnMiE4b6BAgnzSMLBxHLxhFg9Q83\n"
	"rQHyKMMuaw9AbHNrGCSuFIhPPWS+pTt8x7BsxrSISciLkmBmTbAquP4Oy5/V04c8\n"
	"yGb0ybi3m3NDKv4m0ppiGp+5PmKCkKoot9LkPEp9/Pr9JWz7+VJN7U08F1Tky4HU\n"
	"+WhOCYeSD3OSzvrnXx/6XhJT6GRlr7NqvPdsGSqCZtX82YzEPQKg/nCrIhNkPiqy\n"
	"xGJQ2qfIP79moo6sHPfIditsfEAOvprUP9J4Xhe7w+QGr2vnuvb/eUWLooJhlMml\n"
	"MQIDAQAB\n"
	"-----END PUBLIC KEY-----\n";
static const char rsa_token[] =
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiOiJBQzAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM"
	"DAwMDAwMDAxIiwianRpIjoiaiIsImlhdCI6MTc5NTMyNzYyNywiZXhwIjoxNzk1MzMxMjI3LCJncmFudHMiOnsiaWRlbnRpd"
	"HkiOiJhbGljZSIsInZvaWNlIjp7ImluY29taW5nIjp7ImFsbG93Ijp0cnVlfX19fQ.O8a5MBAX3PW7SttphvIQXb-RQlp_5x"
	"Zr3xu2TmqnTmGuzuUudcieMOHarEVR4Y7EvZWJJ1abFT0QrK-TZQa0QlHqj0-lSM4sVvLIGmHgijM3Ulz4oc7uYshynWBCWr"
	"Vkh4sF6BkllH_9Bk7eF_eDW24EB4w8P04yJ8xdq3akKaOUk4kWN7Dcm2On6tidh6fTkbyqDk1I0Qd3cRC9hKT0v5Gm82Zu9o"
	"K_BoGx472Wvnijcg2rt9o0u0DwWOUpcsw-0HvNP-2qncMrXPf1syuC_P1fPcBw-lgeV2q_LlD4UPxQudvEy_IBM_5xGUHNFl"
	"Y1YEDFOUDhefPQAuRrAA3M-g";

static const char p256_pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEiTsVWRNiTD/1wXvGdLqWNQGg98A1\n"
	"W53Nd17fbPIBqjFJov0o6j7ptg0vvkgiPeKhdWk/7dR7IHYT28FkOaioqA==\n"
	"-----END PUBLIC KEY-----\n";
static const char p256_token[] =
	"eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiOiJBQzAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM"
	"DAwMDAwMDAxIiwianRpIjoiaiIsImlhdCI6MTc5NTMyNzYyNywiZXhwIjoxNzk1MzMxMjI3LCJncmFudHMiOnsiaWRlbnRpd"
	"HkiOiJhbGljZSIsInZvaWNlIjp7ImluY29taW5nIjp7ImFsbG93Ijp0cnVlfX19fQ.MPQV8ph2iRe7E9-6vAF8zIZoqn8-sV"
	"-mT6r2G9wlbCXNljyTzfD__h7ZVz8MIIx2pAsRtymtDUoCVm-Ux-uFHA";

static const char ed25519_pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MCowBQYDK2VwAyEAkgBqcYzqZlW1xWo3R0pG3pgoYSvVjl8xqTnSLXSJfjw=\n"
	"-----END PUBLIC KEY-----\n";
static const char ed25519_token[] =
	"eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJzdWIiOiJBQzAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM"
	"DAwMDAwMDAxIiwianRpIjoiaiIsImlhdCI6MTc5NTMyNzYyNywiZXhwIjoxNzk1MzMxMjI3LCJncmFudHMiOnsiaWRlbnRpd"
	"HkiOiJhbGljZSIsInZvaWNlIjp7ImluY29taW5nIjp7ImFsbG93Ijp0cnVlfX19fQ.s9TP0aZmWEqkY47dJE9Mm64_CByrwr"
	"H8x55i-7juQ39zqaUyvQg8fe8B1OeRRyKRgp86MwfxOc0apLgpbMoZCw";

/* what is not taken */
static const char weak_rsa_pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCzpWaAIwbtBEWsQG1rliweCXz+\n"
	"ppxEYp2CCV1fbzXSuSLHSwNJXh5SOYDMZjBkXC6BTKRJshSpMgqx0gFg4GLPoR5K\n"
	"OAfHJ02jubcgxoxwVERoEKVCw9waeogM6Fy6EhYzjWgVszP0Yi1EmdO0YaLAx/Ck\n"
	"IETXLLWi3Nd7sfnjPwIDAQAB\n"
	"-----END PUBLIC KEY-----\n";

static const char p384_pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEZyvYAYDC78qbY4nAMRKOrGdlbzjQyBrm\n"
	"SE/ZG1bSh8URYgABXvB9VRXRHBvYgX+uHRibUofYiOVDflr7qKH4wptdKBTX3Vp7\n"
	"qyPmPNtdgtjwKFH9CCwC5MiNptXE2eRG\n"
	"-----END PUBLIC KEY-----\n";

static const char x25519_pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MCowBQYDK2VuAyEAvcpp3UH5QP8ZsTA4LFjah46vZjdU/ah1vcQJAGQXkxY=\n"
	"-----END PUBLIC KEY-----\n";

static const char encrypted_pem[] =
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	"MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiVJdataXBqkgICCAAw\n"
	"DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEP2MNUcJz3YbSRijMDpIvo0EQGuA\n"
	"kU2Cepg+tA5qA4ACpoR74rezGaHoeuCLIb9oA0GdfF2+YQ47XE9CzBNfp/TAp/JP\n"
	"3EliAZm92vfk3i0dlyQ=\n"
	"-----END ENCRYPTED PRIVATE KEY-----\n";

/* the RSA key once more, as PKCS #1 */
static const char rsa_pkcs1_pem[] =
	"-----BEGIN RSA PUBLIC KEY-----\n"
	"MIIBCgKCAQEAsPecmrCl0+EcEWOhKUvNUQvnQJSDsc8AzKTNWHixgylJJO85zSDe\n"
	"2p8efnMiE4b6BAgnzSMLBxHLxhFg9Q83rQHyKMMuaw9AbHNrGCSuFIhPPWS+pTt8\n"
	"x7BsxrSISciLkmBmTbAquP4Oy5/V04c8yGb0ybi3m3NDKv4m0ppiGp+5PmKCkKoo\n"
	"t9LkPEp9/Pr9JWz7+VJN7U08F1Tky4HU+WhOCYeSD3OSzvrnXx/6XhJT6GRlr7Nq\n"
	"vPdsGSqCZtX82YzEPQKg/nCrIhNkPiqyxGJQ2qfIP79moo6sHPfIditsfEAOvprU\n"
	"P9J4Xhe7w+QGr2vnuvb/eUWLooJhlMmlMQIDAQAB\n"
	"-----END RSA PUBLIC KEY-----\n";

/* the P-256 key once more, its point compressed, and with the curve spelled out (openssl ec -conv_form, -param_enc) */
static const char p256_compressed_pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACiTsVWRNiTD/1wXvGdLqWNQGg98A1\n"
	"W53Nd17fbPIBqjE=\n"
	"-----END PUBLIC KEY-----\n";

static const char p256_explicit_pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA\n"
	"AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////\n"
	"///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd\n"
	"NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5\n"
	"RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA\n"
	"//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABIk7FVkTYkw/9cF7xnS6ljUB\n"
	"oPfANVudzXde32zyAaoxSaL9KOo+6bYNL75IIj3ioXVpP+3UeyB2E9vBZDmoqKg=\n"
	"-----END PUBLIC KEY-----\n";
