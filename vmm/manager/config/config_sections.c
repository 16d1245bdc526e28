/* SPDX-License-Identifier: MIT */
/* Sections that others speak of before or after the file has them: disks, networks, services. */
#include "lib/string.h"
#include "vmm/manager/config/config.h"

#define RESTART_LIMIT 5u /* unless the section says otherwise */
#define MTU_DEFAULT   1500u

static struct disk_config disks[CONFIG_DISK_MAX];
static u32 disk_count;
static struct net_config nets[CONFIG_NET_MAX];
static u32 net_count;
static struct channel_config channels[CONFIG_CHANNEL_MAX];
static u32 channel_count;
static struct service_config services[CONFIG_SERVICE_MAX];
static u32 service_count;

struct disk_config *config_disk(u32 number)
{
	return number < disk_count ? &disks[number] : NULL;
}

struct net_config *config_net(u32 number)
{
	return number < net_count ? &nets[number] : NULL;
}

int config_disk_number(struct text name)
{
	for (u32 i = 0; i < disk_count; i++) {
		if (text_equal(name, disks[i].section.name))
			return (int)i;
	}
	if (disk_count == CONFIG_DISK_MAX)
		return -1;
	disks[disk_count] = (struct disk_config){.restart_limit = RESTART_LIMIT};
	text_copy(disks[disk_count].section.name, CONFIG_NAME_BYTES, name);
	return (int)disk_count++;
}

int config_net_number(struct text name)
{
	for (u32 i = 0; i < net_count; i++) {
		if (text_equal(name, nets[i].section.name))
			return (int)i;
	}
	if (net_count == CONFIG_NET_MAX)
		return -1;
	nets[net_count] = (struct net_config){.restart_limit = RESTART_LIMIT, .mtu = MTU_DEFAULT};
	text_copy(nets[net_count].section.name, CONFIG_NAME_BYTES, name);
	return (int)net_count++;
}

struct channel_config *config_channel(u32 number)
{
	return number < channel_count ? &channels[number] : NULL;
}

int config_channel_number(struct text name)
{
	for (u32 i = 0; i < channel_count; i++) {
		if (text_equal(name, channels[i].section.name))
			return (int)i;
	}
	if (channel_count == CONFIG_CHANNEL_MAX)
		return -1;
	channels[channel_count] = (struct channel_config){.rights = 0};
	text_copy(channels[channel_count].section.name, CONFIG_NAME_BYTES, name);
	return (int)channel_count++;
}

struct service_config *config_service(u32 number)
{
	return number < service_count ? &services[number] : NULL;
}

int config_service_number(struct text name)
{
	for (u32 i = 0; i < service_count; i++) {
		if (text_equal(name, services[i].section.name))
			return (int)i;
	}
	if (service_count == CONFIG_SERVICE_MAX)
		return -1;
	services[service_count] = (struct service_config){.memory_bytes = 0};
	text_copy(services[service_count].section.name, CONFIG_NAME_BYTES, name);
	return (int)service_count++;
}

const struct channel_config *config_channel_find(const char *name)
{
	for (u32 i = 0; i < channel_count; i++) {
		if (channels[i].section.declared && string_equal(name, channels[i].section.name))
			return &channels[i];
	}
	return NULL;
}

void config_sections_init(void)
{
	channel_count = 0;
	disk_count = 0;
	net_count = 0;
	service_count = 0;
}
