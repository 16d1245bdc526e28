/* SPDX-License-Identifier: MIT */
#include "vmm/manager/command.h"
#include "vmm/manager/config_keys.h"
#include "vmm/manager/files.h"
#include "vmm/manager/log.h"
#include "vmm/manager/log_export.h"
#include "vmm/manager/setup.h"

static void show_keys(struct reply *reply, const struct config_key *keys, const void *target)
{
	char value[CONFIG_CMDLINE_BYTES];
	char line[CONFIG_LINE_BYTES];

	for (; keys->name != NULL; keys++) {
		config_value_text(keys, target, value, sizeof(value));
		if (value[0] == '\0')
			continue;
		if (reply->json)
			json_string(&reply->object, keys->name, value);
		else
			reply_line(reply, "%s", config_line_text(keys, value, line, sizeof(line)));
	}
}

static void show_host(struct reply *reply)
{
	if (!reply->json) {
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

/* What has been changed by command since the start. */
static void take_over(struct config *config)
{
	enum log_level level = log_level_get(LOG_BOOT);
	bool same = true;

	for (u32 i = 0; i < LOG_CATEGORY_COUNT; i++)
		same = same && log_level_get((enum log_category)i) == level;
	if (same)
		config->host.log = level;
	config->host.export = log_export_get();
	config->host.log_format = log_export_form();
}

/*
 * In the order of the file, so that the file made of it shows the same again: VMs in the list as
 * they are, others as their section stands; then the VMs that have no section.
 */
static void command_config_show(struct reply *reply, const struct arguments *arguments)
{
	struct config *config = setup_config();

	(void)arguments;
	take_over(config);
	show_host(reply);
	for (u32 i = 0; i < config->vm_count; i++) {
		const struct vm *vm = vm_find(config->vm[i].name);

		if (vm != NULL)
			show_vm(reply, &vm->config);
		else if (!config->vm[i].broken)
			show_vm(reply, &config->vm[i]);
	}
	VM_FOR_EACH(other) {
		if (config_find(config, other->config.name) == NULL)
			show_vm(reply, &other->config);
	}
	for (u32 i = 0; file_at(i) != NULL && !reply->json; i++) {
		if (!string_equal(file_at(i)->name, setup_config_name()))
			reply_line(reply, "# file %s, %llu bytes", file_at(i)->name,
				   (unsigned long long)file_at(i)->size);
	}
}

COMMAND(config_show,
	.name = "config show",
	.arguments = "",
	.summary = "the configuration in force, as a file would have it",
	.example = "config show",
	.keys = "section, name, keys as text",
	.run = command_config_show);
