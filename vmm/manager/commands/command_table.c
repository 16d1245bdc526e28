/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/commands.h"

#define ANY COMMAND_WORDS_MAX

/* Commands whose names begin alike stand together; help and completion rely on it. */
const struct command commands[] = {
	{"help", "[COMMAND]", "lists the commands, or explains one", "Example: help vm create",
	 command_help, 0, 2, COMPLETE_COMMAND},
	{"version", "", "version, ABI, back end and build", "Example: version -j", command_version,
	 0, 0, COMPLETE_NOTHING},

	{"vm list", "", "all VMs with state, memory, uptime and exits",
	 "The reason says why a VM stopped or crashed.\nExample: vm list", command_vm_list, 0, 0,
	 COMPLETE_NOTHING},
	{"vm create", "NAME [KEY=VALUE...]", "creates a VM",
	 "From the configuration's section of that name and what is given here, by the same keys.\n"
	 "The VM ends in state created; `vm start` boots it.\n"
	 "Example: vm create gamma kernel=vmlinuz memory=64M cmdline=\"console=ttyS0 quiet\"",
	 command_vm_create, 1, ANY, COMPLETE_SECTION},
	{"vm start", "NAME", "boots a created, stopped or crashed VM",
	 "A VM that has run before boots afresh, with a new monitor.\nExample: vm start alpha",
	 command_vm_start, 1, 1, COMPLETE_VM},
	{"vm pause", "NAME", "stops a running VM's time",
	 "Its clocks stand still until `vm resume`, but for the RTC.\nExample: vm pause alpha",
	 command_vm_pause, 1, 1, COMPLETE_VM},
	{"vm resume", "NAME", "continues a paused VM", "Example: vm resume alpha",
	 command_vm_resume, 1, 1, COMPLETE_VM},
	{"vm reset", "NAME", "resets a running or paused VM, as its reset button would",
	 "Example: vm reset alpha", command_vm_reset, 1, 1, COMPLETE_VM},
	{"vm stop", "NAME", "presses the power button, ends the guest after stop_timeout",
	 "A paused guest cannot react and is ended at once.\nExample: vm stop alpha",
	 command_vm_stop, 1, 1, COMPLETE_VM},
	{"vm destroy", "NAME", "ends a VM at once and returns all it had",
	 "Waits until every page is back.\nExample: vm destroy alpha", command_vm_destroy, 1, 1,
	 COMPLETE_VM},
	{"vm set", "NAME KEY=VALUE...",
	 "changes what a VM gets of the CPUs, and what becomes of it",
	 "Keys: weight cap reserve affinity on_crash stop_timeout; values as in the "
	 "configuration,\n"
	 "`none` for no cap or reservation, `all` for every CPU. KEY VALUE does as well. All or\n"
	 "nothing: a reservation that cannot be kept is refused and says what is left.\n"
	 "Example: vm set alpha weight=512 reserve=2ms/10ms",
	 command_vm_set, 2, ANY, COMPLETE_VM},
	{"vm console", "NAME", "makes this terminal the guest's, Ctrl-] leaves",
	 "What the guest printed while nobody looked (64 KiB at most) is shown first.\n"
	 "Example: vm console alpha",
	 command_vm_console, 1, 1, COMPLETE_VM},
	{"vm stat", "NAME", "exits by reason, pages, interrupts",
	 "Counts are those since the VM's last boot.\nExample: vm stat alpha", command_vm_stat, 1,
	 1, COMPLETE_VM},

	{"mem", "", "pages of the machine by owner", "A page has 4096 bytes.\nExample: mem",
	 command_mem, 0, 0, COMPLETE_NOTHING},
	{"cpu", "", "host CPUs: load, exits, IPIs, wake-ups",
	 "The load is that since the last time this was asked.\nExample: cpu", command_cpu, 0, 0,
	 COMPLETE_NOTHING},

	{"log show", "[-n N] [-l LEVEL] [-c CATEGORY] [-v VM]", "shows the log",
	 "The last N lines (all without -n) of at least that level, of that category, of that VM.\n"
	 "Example: log show -n 20 -l warning",
	 command_log_show, 0, 8, COMPLETE_NOTHING},
	{"log level", "[[CATEGORY] LEVEL]", "shows or sets what the log keeps",
	 "Levels: debug info warning error.\n"
	 "Categories: boot cpu memory virt sched process vm device console config audit.\n"
	 "Example: log level vm debug",
	 command_log_level, 0, 2, COMPLETE_NOTHING},
	{"log clear", "", "drops the lines kept so far", "Example: log clear", command_log_clear, 0,
	 0, COMPLETE_NOTHING},
	{"log export", "off|com1|com2", "sends the log to a serial port as well",
	 "com2: JSON lines; com1: text on this console.\nExample: log export com2",
	 command_log_export, 1, 1, COMPLETE_NOTHING},
	{"log stat", "", "lines, losses and the cost of the log", "Example: log stat",
	 command_log_stat, 0, 0, COMPLETE_NOTHING},

	{"sym", "NAME|ADDRESS", "kernel symbol to address and back, in the running image",
	 "Example: sym kernel_main", command_sym, 1, 1, COMPLETE_NOTHING},
	{"config show", "", "the configuration in force, as a file would have it",
	 "Example: config show", command_config_show, 0, 0, COMPLETE_NOTHING},
	{"reboot", "", "resets the machine at once", "VMs are not asked.\nExample: reboot",
	 command_reboot, 0, 0, COMPLETE_NOTHING},
	{"poweroff", "", "switches the machine off at once",
	 "VMs are not asked.\nExample: poweroff", command_poweroff, 0, 0, COMPLETE_NOTHING},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, 0},
};
