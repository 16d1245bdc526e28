/* SPDX-License-Identifier: MIT */
/*
 * Tells the drivers of stores this host's identity, and the operator which host holds a store.
 * Called by store.c, vm_volume_sweep.c and the commands. Owns this host's identity and the number
 * of this boot, by which a store's superblock tells its owner from all others.
 */
#include "vmm/manager/disk/store_owner.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/process/random.h"
#include "vmm/rt/format.h"

static struct {
	bool known;   /* the fields below are set */
	bool present; /* this host has an identity */
	u8 id[STORE_ID_BYTES];
	u64 session;
} self;

/* Finds this host's identity: the one in the configuration, else the firmware's UUID. */
static void store_owner_find(void)
{
	const char *id = boot_config()->host.id;

	if (self.known)
		return;
	self.known = true;
	while (self.session == 0)
		random_draw((u8 *)&self.session, sizeof(self.session));
	self.present = guid_parse(id, self.id) || machine_uuid(self.id);
	if (!self.present)
		memset(self.id, 0, sizeof(self.id));
}

/* Returns whether the store's section has the key `lease`. */
static bool store_has_lease_key(const struct store *store)
{
	return (store->config->section.given & config_key_bit(config_store_keys, "lease")) != 0;
}

void store_owner_give(const struct store *store, struct store_given *given)
{
	store_owner_find();
	memcpy(given->host, self.id, sizeof(given->host));
	given->session = self.session;
	given->lease_s = store_has_lease_key(store)
				 ? (u32)((store->config->lease_ns + NS_PER_S - 1) / NS_PER_S)
				 : STORE_LEASE_KEEP;
	given->held = store->held;
}

const char *store_owner_problem(const struct store *store)
{
	store_owner_find();
	if (store->config->lease_ns != 0 && !self.present)
		return "its lease needs an identity of this host, and its firmware has none; set "
		       "id = UUID in [host]";
	return NULL;
}

void store_owner_text(const struct store_told *told, char text[GUID_TEXT_BYTES])
{
	static const u8 none[STORE_ID_BYTES];

	text[0] = '\0';
	if (memcmp(told->owner.host, none, sizeof(none)) != 0)
		guid_text(told->owner.host, text);
}

bool store_owner_is_self(const struct store_told *told)
{
	store_owner_find();
	return self.present && memcmp(told->owner.host, self.id, sizeof(self.id)) == 0;
}

void store_owner_say(struct store *store)
{
	char host[GUID_TEXT_BYTES];
	struct store_told told;

	if (store->page == NULL || store->page->told.state == store->said_state ||
	    !store_told(store, &told))
		return;
	store->said_state = told.state;
	store->held |= told.state == STORE_READY;
	if (told.state != STORE_LOST)
		return;
	store_owner_text(&told, host);
	log_message(LOG_ERROR, LOG_DEVICE, "",
		    "store %s: host %s has taken it from this host (epoch %llu); nothing is "
		    "written to it any more, and requests of VMs to its volumes wait: end these "
		    "VMs, they cannot go on here",
		    store->config->section.name, host, (unsigned long long)told.owner.epoch);
}
