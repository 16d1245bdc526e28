/* SPDX-License-Identifier: MIT */
/*
 * Keeps the key of saved VMs and derives a key for each save. Called by vm_save.c, by `state key`,
 * `lock` and the console, and by disk.c and vm_build.c to learn whether there is one. Owns the
 * typed key, which it wipes when forgotten.
 */
#include "vmm/manager/config/vm_save_key.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/rt/crypto/hkdf.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/format.h"

static struct state_key typed_key;

static const struct state_key *vm_save_key(void)
{
	const struct state_key *configured = &boot_config()->host.state_key;

	if (typed_key.given)
		return &typed_key;
	return configured->given ? configured : NULL;
}

bool vm_save_key_is_there(void)
{
	return vm_save_key() != NULL;
}

bool vm_save_key_make(const char *vm, const u8 salt[SAVE_SALT_BYTES], u8 key[SAVE_KEY_BYTES])
{
	const struct state_key *host = vm_save_key();
	char purpose[CONFIG_NAME_BYTES + 32];
	size_t length = format(purpose, sizeof(purpose), "skerry save 2 of %s", vm);

	if (host == NULL)
		return false;
	hkdf(host->bytes, sizeof(host->bytes), salt, SAVE_SALT_BYTES, purpose, length, key,
	     SAVE_KEY_BYTES);
	return true;
}

bool vm_save_key_take(struct text typed)
{
	struct state_key key = {.given = false};
	bool good = config_parse_state_key(typed, &key);

	if (good)
		typed_key = key;
	secret_forget(&key, sizeof(key));
	return good;
}

void vm_save_key_forget(void)
{
	secret_forget(&typed_key, sizeof(typed_key));
}
