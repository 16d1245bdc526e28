/* SPDX-License-Identifier: MIT */
#include "vmm/manager/config/vm_save_key.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/rt/crypto/secret.h"

static struct state_key typed_key;

const struct state_key *vm_save_key(void)
{
	const struct state_key *configured = &boot_config()->host.state_key;

	if (typed_key.given)
		return &typed_key;
	return configured->given ? configured : NULL;
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
