#!/usr/bin/python3
"""Mints an access token for a client, as a customer's backend would.

    mint.py IDENTITY [SECONDS]      prints it; the account is taken from the environment (run/demo.env)

A real backend uses Twilio's helper library of its language; this shows that
there is nothing more to it than a JSON Web Token signed with the API key's secret.
"""
import base64
import hashlib
import hmac
import json
import os
import sys
import time


def _part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _json_part(value):
    return _part(json.dumps(value, separators=(",", ":")).encode())


def access_token(identity, seconds=3600):
    """May be rung as `identity`, and may call through the demonstration application."""
    env = os.environ
    now = int(time.time())
    header = {"alg": "HS256", "typ": "JWT", "cty": "twilio-fpa;v=1"}
    payload = {
        "jti": f"{env['API_KEY_SID']}-{now}",
        "iss": env["API_KEY_SID"],
        "sub": env["ACCOUNT_SID"],
        "iat": now,
        "exp": now + seconds,
        "grants": {
            "identity": identity,
            "voice": {"incoming": {"allow": True}, "outgoing": {"application_sid": env["APPLICATION_SID"]}},
        },
    }
    signed = _json_part(header) + "." + _json_part(payload)
    mac = hmac.new(env["API_KEY_SECRET"].encode(), signed.encode(), hashlib.sha256).digest()
    return signed + "." + _part(mac)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    try:
        print(access_token(*sys.argv[1:2], *map(int, sys.argv[2:])))
    except KeyError as missing:
        sys.exit(f"mint.py: {missing} is not set: load run/demo.env first")
