/* device_id.h - ids of devices that prove whose they are.
 *
 * DV + 16 random digits + 16 digits of a MAC over (account, identity, random).  A
 * client that comes back names its old id; the MAC keeps everybody else, of
 * whatever account, from taking that id and what is sent to it.
 */
#pragma once

#include "common/base/sid.h"
#include "common/model/seal.h"

struct sid device_id_new(const struct seal *seal, struct sid account, struct str identity);
MUST_USE bool device_id_is_of(const struct seal *seal, struct sid device, struct sid account, struct str identity);
