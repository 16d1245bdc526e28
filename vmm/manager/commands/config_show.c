/* SPDX-License-Identifier: MIT */
/*
 * The command `config show`: prints the configuration in force, in the form of a configuration
 * file. Run by command.c. Reads VMs, log and files; first copies the log's present settings into
 * the host's section.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/config/files.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/channel/log_export.h"

static void command_config_show_keys(struct reply *reply, const struct config_key *keys,
				     const void *target)
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

static void command_config_show_host(struct reply *reply)
{
	if (!reply->json) {
		reply_line(reply, "[host]");
		command_config_show_keys(reply, config_host_keys, &boot_config()->host);
		if (login_required())
			reply_line(reply, "# password = is set and not shown");
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "section", "host");
	command_config_show_keys(reply, config_host_keys, &boot_config()->host);
	json_bool(&reply->object, "password_set", login_required());
	reply_object_end(reply);
}

/* Shows a section of a disk, a network, a channel or a service; `what` is the name of its kind. */
static void command_config_show_named(struct reply *reply, const char *what,
				      const struct config_section *section,
				      const struct config_key *keys, const void *target)
{
	if (!section->declared || section->broken)
		return;
	if (!reply->json) {
		reply_line(reply, "[%s %s]", what, section->name);
		command_config_show_keys(reply, keys, target);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "section", what);
	json_string(&reply->object, "name", section->name);
	command_config_show_keys(reply, keys, target);
	reply_object_end(reply);
}

static void command_config_show_vm(struct reply *reply, const struct vm_config *config)
{
	if (!reply->json) {
		reply_line(reply, "[vm %s]", config->name);
		command_config_show_keys(reply, config_vm_keys, config);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "section", "vm");
	json_string(&reply->object, "name", config->name);
	command_config_show_keys(reply, config_vm_keys, config);
	reply_object_end(reply);
}

/* Copies settings that commands have changed since the start into the host's section. */
static void command_config_show_take_over(struct config *config)
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

static void command_config_show_section(struct reply *reply, const struct vm_config *section)
{
	const struct vm *vm = vm_find(section->name);

	if (vm != NULL)
		command_config_show_vm(reply, &vm->config);
	else if (!section->broken && !section->destroyed)
		command_config_show_vm(reply, section);
}

static void command_config_show_other(struct reply *reply, const struct vm *vm)
{
	if (vm != NULL && config_find(boot_config(), vm->config.name) == NULL)
		command_config_show_vm(reply, &vm->config);
}

static bool command_config_show_file(struct reply *reply, u64 number)
{
	const struct file *file = file_at((u32)number);

	if (file == NULL || reply->json)
		return false;
	if (!string_equal(file->name, boot_config_name()))
		reply_line(reply, "# file %s, %llu bytes", file->name,
			   (unsigned long long)file->size);
	return true;
}

/*
 * Shows one section, in such an order that Skerry, started with the output as its file, would show
 * the same again: existing VMs with their present settings, VMs that were never created with those
 * of their section; then the VMs that have no section.
 */
static bool command_config_show_part(struct reply *reply, u64 number)
{
	const struct config *config = boot_config();

	if (number < config->vm_count)
		command_config_show_section(reply, &config->vm[number]);
	else if (number - config->vm_count < VM_MAX)
		command_config_show_other(reply, vm_at(number - config->vm_count));
	else
		return command_config_show_file(reply, number - config->vm_count - VM_MAX);
	return true;
}

static bool command_config_show_resume(struct reply *reply)
{
	return reply_list(reply, command_config_show_part);
}

static void command_config_show(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	command_config_show_take_over(boot_config());
	command_config_show_host(reply);
	for (u32 i = 0; config_service(i) != NULL; i++)
		command_config_show_named(reply, "service", &config_service(i)->section,
					  config_service_keys, config_service(i));
	for (u32 i = 0; config_disk(i) != NULL; i++)
		command_config_show_named(reply, "disk", &config_disk(i)->section, config_disk_keys,
					  config_disk(i));
	for (u32 i = 0; config_store(i) != NULL; i++)
		command_config_show_named(reply, "store", &config_store(i)->section,
					  config_store_keys, config_store(i));
	for (u32 i = 0; config_net(i) != NULL; i++)
		command_config_show_named(reply, "net", &config_net(i)->section, config_net_keys,
					  config_net(i));
	for (u32 i = 0; config_channel(i) != NULL; i++)
		command_config_show_named(reply, "channel", &config_channel(i)->section,
					  config_channel_keys, config_channel(i));
	if (!command_config_show_resume(reply))
		reply->resume = command_config_show_resume;
}

COMMAND(config_show,
	.name = "config show",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "the configuration in force, as a file would have it",
	.example = "config show",
	.keys = "section, name, keys as text; of the host also password_set",
	.run = command_config_show);
