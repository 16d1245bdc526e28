/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/commands.h"
#include "vmm/manager/config_keys.h"
#include "vmm/manager/files.h"
#include "vmm/manager/setup.h"

static void show_keys(struct reply *reply, const struct config_key *keys, const void *target)
{
	char value[CONFIG_CMDLINE_BYTES];

	for (; keys->name != NULL; keys++) {
		config_value_text(keys, target, value, sizeof(value));
		if (value[0] == '\0')
			continue;
		if (reply->json)
			json_string(&reply->object, keys->name, value);
		/* Quotes keep a '#' or an outer space part of the text. */
		else if (keys->value == VALUE_TEXT && strchr(value, '"') == NULL)
			reply_line(reply, "%s = \"%s\"", keys->name, value);
		else
			reply_line(reply, "%s = %s", keys->name, value);
	}
}

static void show_host(struct reply *reply)
{
	if (!reply->json) {
		reply_line(reply, "# from %s",
			   setup_config_name()[0] != '\0' ? setup_config_name() : "no file");
		reply_line(reply, "[host]");
		show_keys(reply, config_host_keys, &setup_config()->host);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "section", "host");
	show_keys(reply, config_host_keys, &setup_config()->host);
	reply_object_end(reply);
}

static void show_vm(struct reply *reply, const struct vm_config *config)
{
	if (!reply->json) {
		reply_line(reply, "[vm %s]", config->name);
		show_keys(reply, config_vm_keys, config);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "section", "vm");
	json_string(&reply->object, "name", config->name);
	show_keys(reply, config_vm_keys, config);
	reply_object_end(reply);
}

/* VMs in the list as they are; sections that no VM was made from as they stand in the file. */
void command_config_show(struct reply *reply, const struct arguments *arguments)
{
	struct config *config = setup_config();

	(void)arguments;
	show_host(reply);
	VM_FOR_EACH(vm) {
		show_vm(reply, &vm->config);
	}
	for (u32 i = 0; i < config->vm_count; i++) {
		if (!config->vm[i].broken && vm_find(config->vm[i].name) == NULL)
			show_vm(reply, &config->vm[i]);
	}
	for (u32 i = 0; file_at(i) != NULL && !reply->json; i++)
		reply_line(reply, "# file %s, %llu bytes", file_at(i)->name,
			   (unsigned long long)file_at(i)->size);
}

COMMAND(config_show,
	.name = "config show",
	.arguments = "",
	.summary = "the configuration in force, as a file would have it",
	.example = "config show",
	.keys = "section, name, keys as text",
	.run = command_config_show);
