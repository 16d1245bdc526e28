/* SPDX-License-Identifier: MIT */
/*
 * Reads options, boot files and the configuration, applies the host's section and starts the
 * configured VMs. Called by main.c, and by the event loop for its deadline. Owns which VM is next
 * to start.
 */
#include "vmm/manager/setup.h"
#include "kernel/abi/version.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/config/disk_key.h"
#include "vmm/manager/config/files.h"
#include "vmm/manager/console/console.h"
#include "vmm/manager/console/console_idle.h"
#include "vmm/manager/console/console_secret.h"
#include "vmm/manager/inspect/entropy_names.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/channel/log_export.h"
#include "vmm/manager/channel/machine_channel.h"
#include "vmm/manager/log/notice.h"
#include "vmm/manager/text/guid.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_log.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"

#define DEMO_NAME   "demo"
#define DEMO_MEMORY (16 * MIB)
/* how long the start waits for a VM's monitor to set itself up */
#define SETUP_NS (10 * NS_PER_S)

static u32 next_vm;    /* index of the next VM of the configuration to start */
static u32 waiting_id; /* id of the last VM started; 0: no VM was started */
static u64 waiting_until_tsc;

/* Reports a problem above the prompt and in the log. */
static void setup_report(const char *problem)
{
	log_message(LOG_ERROR, LOG_CONFIG, "", "%s", problem);
	notice("error: %s\n", problem);
}

static void setup_report_option(void *context, const char *problem)
{
	(void)context;
	setup_report(problem);
}

static void setup_report_config(void *context, const struct config_problem *problem)
{
	char text[352];

	(void)context;
	format(text, sizeof(text), "%s:%u:%u: %s", problem->file, problem->line, problem->column,
	       problem->text);
	setup_report(text);
}

void setup_options(void)
{
	char line[sizeof(start_info->command_line)];

	string_copy(line, sizeof(line), start_info->command_line);
	options_parse(boot_config_options(), line, setup_report_option, NULL);
}

/*
 * Opens the serial ports. COM2 is the console only if it exists; problems reported earlier wait in
 * the console's output.
 */
void setup_serial(void)
{
	bool com1 = serial_open(SERIAL_COM1);
	bool com2 = serial_open(SERIAL_COM2);

	if (com2 && (boot_config_options()->console == 2 || !com1))
		console_use(SERIAL_COM2);
	if (!com2 && boot_config_options()->console == 2)
		setup_report("command line: there is no second port for console=com2; use com1");
	if (com2 && console_port() != SERIAL_COM2)
		machine_channel_open();
}

static void setup_demo_config(void)
{
	struct config *config = boot_config();
	struct vm_config *vm = &config->vm[config->vm_count++];

	config_vm_init(vm);
	string_copy(vm->name, sizeof(vm->name), DEMO_NAME);
	string_copy(vm->kernel, sizeof(vm->kernel), VM_KERNEL_BUILT_IN);
	vm->memory_bytes = DEMO_MEMORY;
	vm->autostart = AUTOSTART_YES;
}

/*
 * Reads the keys of disks. They have a module of their own: monitors map files of a bundle.
 */
static void setup_read_keys(void)
{
	const struct file *file = file_keys();

	if (file != NULL)
		disk_key_read((struct text){(const char *)file->bytes, file->size}, setup_report);
	if (file_find(DISK_KEY_MODULE) != NULL)
		setup_report("boot bundle: " DISK_KEY_MODULE
			     " is not read there; load it as a module of its own");
}

void setup_config_file(void)
{
	const struct file *file;
	char problem[128];

	config_init(boot_config());
	files_init(setup_report);
	setup_read_keys();
	if (files_none()) {
		setup_demo_config();
		return;
	}
	file = file_find(boot_config_options()->config);
	if (file == NULL) {
		format(problem, sizeof(problem),
		       "there is no configuration %s among the boot files",
		       boot_config_options()->config);
		setup_report(problem);
		return;
	}
	boot_config_name_set(file->name);
	config_parse(boot_config(), file->name,
		     (struct text){(const char *)file->bytes, file->size}, setup_report_config,
		     NULL);
}

static void setup_set_log_store(void)
{
	struct host_config *host = &boot_config()->host;
	enum status status;

	if (host->log_segments == LOG_SEGMENTS_DEFAULT && host->log_segment_age_ns == 0 &&
	    host->log_segment_bytes == LOG_SEGMENT_BYTES_DEFAULT)
		return;
	status = log_store_resize((u32)host->log_segments, (u32)host->log_segment_bytes,
				  host->log_segment_age_ns);
	if (status == STATUS_OK)
		return;
	host->log_segments = LOG_SEGMENTS_DEFAULT;
	host->log_segment_bytes = LOG_SEGMENT_BYTES_DEFAULT;
	host->log_segment_age_ns = 0;
	setup_report("[host] log.segments: the host has no memory for so many; 4 of 64K are kept");
}

static void setup_set_password(void)
{
	const struct host_config *host = &boot_config()->host;

	if (host->password_asked) {
		login_require(&host->password);
		login_lock(&console_login);
		console_idle_limit(host->lock_after_ns);
	} else if (host->lock_after_ns != 0) {
		setup_report("[host] lock_after: it has no effect without a password; set one");
	}
	machine_channel_configure(host->password_asked);
}

void setup_host(void)
{
	const struct options *options = boot_config_options();
	struct host_config *host = &boot_config()->host;
	u8 id[16];

	setup_set_password();
	if (options->log_given)
		host->log = options->log;
	log_level_set(LOG_CATEGORY_COUNT, (u32)host->log);
	vm_log_rate_set((u32)host->log_rate);
	if (host->id[0] != '\0' && !guid_parse(host->id, id))
		setup_report("[host] id: it is no UUID; use one such as "
			     "0b1f3c5e-89ab-4cde-8f01-23456789abcd");
	setup_set_log_store();
	if (host->export == EXPORT_COM2 &&
	    (!serial_present(SERIAL_COM2) || console_port() == SERIAL_COM2))
		setup_report("[host] export: com2 is missing or the console; use off or com1");
	else
		log_export_set((enum config_export)host->export,
			       (enum config_log_format)host->log_format);
}

/*
 * Tells the operator why a VM that may have been saved does not start by itself. A save belongs
 * with the disks as they were then, and a boot would write to them; only the operator knows whether
 * the VM was saved, and on which disk.
 */
static void setup_offer_restore(const struct vm_config *vm_config)
{
	const char *name = vm_config->name;

	notice("%s: not started (autostart = restore): `vm restore %s DISK` goes on with what `vm "
	       "save` has saved there, `vm start %s` boots it\n",
	       name, name, name);
}

static void setup_start_vm(const struct vm_config *vm_config)
{
	char problem[256];
	struct vm *vm;

	log_actor_set("configuration");
	vm = vm_create(vm_config, problem, sizeof(problem));
	waiting_id = vm != NULL ? vm->id : 0;
	waiting_until_tsc = clock_tsc() + clock_ns_to_tsc(SETUP_NS);
	if (vm != NULL && vm_config->autostart == AUTOSTART_RESTORE)
		setup_offer_restore(vm_config);
	else if (vm == NULL || !vm_act(vm, ACTION_START, problem, sizeof(problem)))
		notice("error: VM %s: %s\n", vm_config->name, problem);
	log_actor_set(NULL);
}

/* the most VMs that a line at the prompt names; more VMs are only counted */
#define ANNOUNCED_MAX 8u

static void setup_announce_vms(void)
{
	const struct config *config = boot_config();
	char starting[ANNOUNCED_MAX * (CONFIG_NAME_BYTES + 1)] = "";
	size_t length = 0;
	u32 count = 0;

	for (u32 i = 0; i < config->vm_count; i++) {
		if (config->vm[i].autostart != AUTOSTART_YES || config->vm[i].broken)
			continue;
		if (++count <= ANNOUNCED_MAX)
			length += format(starting + length, sizeof(starting) - length, " %s",
					 config->vm[i].name);
	}
	if (count == 0 || count > ANNOUNCED_MAX)
		format(starting, sizeof(starting), count == 0 ? " no VM" : " %u VMs", count);
	notice("Starting:%s. `help` lists the commands.\n", starting);
}

bool setup_start_next(void)
{
	const struct config *config = boot_config();

	if (next_vm == 0)
		setup_announce_vms();
	if (next_vm == config->vm_count)
		return false;
	if (config->vm[next_vm].broken)
		notice("error: VM %s is not created, see above\n", config->vm[next_vm].name);
	else if (config->vm[next_vm].autostart != AUTOSTART_NO)
		setup_start_vm(&config->vm[next_vm]);
	next_vm++;
	return true;
}

bool setup_settled(void)
{
	const struct vm *vm = waiting_id != 0 ? vm_by_id(waiting_id) : NULL;

	return vm == NULL || (!vm_is_ending(vm) && vm_ready(vm)) ||
	       clock_tsc() >= waiting_until_tsc;
}

u64 setup_deadline(void)
{
	return setup_settled() ? ~0ull : waiting_until_tsc;
}

void setup_banner(void)
{
	const struct kernel_page *page = machine_page();
	char entropy[ENTROPY_NAMES_BYTES];

	notice("\nSkerry " SKERRY_VERSION ", %.16s, %u CPU%s, %llu MiB, %llu MiB free\n",
	       start_info->backend, page->cpu_count, page->cpu_count == 1 ? "" : "s",
	       (unsigned long long)(page->page_count * PAGE_SIZE / MIB),
	       (unsigned long long)(page->pages[PAGE_FREE] * PAGE_SIZE / MIB));
	log_message(LOG_INFO, LOG_BOOT, "", "Skerry " SKERRY_VERSION " on %.16s",
		    start_info->backend);
	entropy_names(page->entropy_sources, entropy, sizeof(entropy));
	log_message(LOG_INFO, LOG_BOOT, "", "entropy from %s", entropy);
	if (entropy_is_weak(page->entropy_sources))
		log_message(LOG_WARNING, LOG_BOOT, "",
			    "weak entropy, no RDSEED and no RDRAND: addresses may be guessed");
}
