/* SPDX-License-Identifier: MIT */
/*
 * Keeps the sections of disks, networks, channels, services and stores, which others may mention
 * before or after the file defines them. Called by config.c and by most of the manager for
 * look-ups. Owns the five lists.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/config/config.h"

#define RESTART_LIMIT 5u /* the default of restart_limit */
#define MTU_DEFAULT   1500u

static struct disk_config disks[CONFIG_DISK_MAX];
static struct net_config nets[CONFIG_NET_MAX];
static struct channel_config channels[CONFIG_CHANNEL_MAX];
static struct service_config services[CONFIG_SERVICE_MAX];
static struct store_config stores[CONFIG_STORE_MAX];

static const struct disk_config new_disk = {.restart_limit = RESTART_LIMIT};
static const struct net_config new_net = {.restart_limit = RESTART_LIMIT, .mtu = MTU_DEFAULT};
static const struct channel_config new_channel = {.rights = 0};
static const struct service_config new_service = {.memory_bytes = 0};
static const struct store_config new_store = {.memory_bytes = 0};

/* The list of the sections of one kind; each entry begins with its struct config_section. */
struct list {
	void *first;
	const void *initial; /* what an entry holds before its section is read */
	size_t bytes;	     /* size of an entry in bytes */
	u32 maximum;
	u32 count;
};

#define LIST(array, one)                                                                           \
	{                                                                                          \
		.first = (array), .initial = &(one), .bytes = sizeof(one),                         \
		.maximum = ARRAY_COUNT(array)                                                      \
	}

static struct list lists[] = {
	[CONFIG_DISKS] = LIST(disks, new_disk),
	[CONFIG_NETS] = LIST(nets, new_net),
	[CONFIG_CHANNELS] = LIST(channels, new_channel),
	[CONFIG_SERVICES] = LIST(services, new_service),
	[CONFIG_STORES] = LIST(stores, new_store),
};

static void *config_at(enum config_kind kind, u32 number)
{
	const struct list *list = &lists[kind];

	return number < list->count ? (char *)list->first + number * list->bytes : NULL;
}

/*
 * Returns the number of the section of that kind and name, which is added on its first mention, or
 * -1 if there are too many.
 */
static int config_number_of(enum config_kind kind, struct text name)
{
	struct list *list = &lists[kind];
	struct config_section *section;

	for (u32 i = 0; i < list->count; i++) {
		section = config_at(kind, i);
		if (text_equal(name, section->name))
			return (int)i;
	}
	if (list->count == list->maximum)
		return -1;
	list->count++;
	section = config_at(kind, list->count - 1);
	memcpy(section, list->initial, list->bytes);
	text_copy(section->name, CONFIG_NAME_BYTES, name);
	return (int)list->count - 1;
}

struct disk_config *config_disk(u32 number)
{
	return config_at(CONFIG_DISKS, number);
}

struct net_config *config_net(u32 number)
{
	return config_at(CONFIG_NETS, number);
}

struct channel_config *config_channel(u32 number)
{
	return config_at(CONFIG_CHANNELS, number);
}

struct service_config *config_service(u32 number)
{
	return config_at(CONFIG_SERVICES, number);
}

struct store_config *config_store(u32 number)
{
	return config_at(CONFIG_STORES, number);
}

int config_disk_number(struct text name)
{
	return config_number_of(CONFIG_DISKS, name);
}

int config_net_number(struct text name)
{
	return config_number_of(CONFIG_NETS, name);
}

int config_channel_number(struct text name)
{
	return config_number_of(CONFIG_CHANNELS, name);
}

int config_service_number(struct text name)
{
	return config_number_of(CONFIG_SERVICES, name);
}

int config_store_number(struct text name)
{
	return config_number_of(CONFIG_STORES, name);
}

struct config_section *config_section(enum config_kind kind, struct text name)
{
	int number = config_number_of(kind, name);

	return number < 0 ? NULL : config_at(kind, (u32)number);
}

const struct channel_config *config_channel_find(const char *name)
{
	const struct channel_config *channel;

	for (u32 i = 0; (channel = config_channel(i)) != NULL; i++) {
		if (channel->section.declared && string_equal(channel->section.name, name))
			return channel;
	}
	return NULL;
}

void config_sections_init(void)
{
	for (u32 i = 0; i < ARRAY_COUNT(lists); i++)
		lists[i].count = 0;
}
