/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/login/password.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/channel.h"

#define CONFIG_VM_MAX 1024u
#define CONFIG_NAME_BYTES 32u
#define CONFIG_FILE_BYTES 64u
#define CONFIG_CMDLINE_BYTES 1024u
#define CONFIG_PROBLEM_BYTES 416u /* an unknown key and all that there are */
#define CONFIG_PORT_MAX (CHANNEL_STREAM_MAX - 1)
#define CONFIG_CPU_WORDS 4u /* affinity covers CPU_MAX host CPUs */

/* Choices: the numbers follow the words in config_keys.c. */
enum config_clock { CLOCK_STOP, CLOCK_JUMP };
enum config_autostart { AUTOSTART_NO, AUTOSTART_YES, AUTOSTART_RESTORE };
enum config_on_crash { ON_CRASH_HOLD, ON_CRASH_RESTART, ON_CRASH_DESTROY, ON_CRASH_RESTORE };
enum config_pages { PAGES_AUTO, PAGES_4K, PAGES_2M, PAGES_1G };
enum config_automatic { AUTOMATIC_AUTO, AUTOMATIC_OFF };
enum config_tlb_flush { TLB_FLUSH_TAGGED, TLB_FLUSH_FULL };
enum config_pci { PCI_ON, PCI_OFF };
enum config_console { CONSOLE_SERIAL, CONSOLE_VIRTIO };
enum config_export { EXPORT_OFF, EXPORT_COM1, EXPORT_COM2 };
enum config_log_format { LOG_FORMAT_AUTO, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum config_trap {
	TRAP_CR = 1 << 0,
	TRAP_DR = 1 << 1,
	TRAP_EXCEPTIONS = 1 << 2,
	TRAP_MSR = 1 << 3,
	TRAP_IO = 1 << 4,
};

struct host_config {
	u64 given; /* bit of each key that was set, by its place in the table of keys */
	u64 log;   /* enum log_level */
	u64 export;
	u64 log_format;
	u64 log_segments;
	u64 log_segment_bytes;
	u64 log_segment_age_ns; /* 0: a segment is never too old */
	u64 log_rate;           /* lines a second of each VM's monitor */
	u64 lock_after_ns;      /* without input at the console; 0: never */
	bool password_asked;    /* a line begins so, whether or not it could be read */
	struct password_hash password;
	struct state_key {
		bool given;
		u8 bytes[32];
	} state_key; /* of saves: vmm/manager/config/vm_save_key.h */
};

#define CONFIG_DISK_MAX	   64u
#define CONFIG_VM_DISK_MAX 16u
#define CONFIG_WORD_BYTES  48u
#define CONFIG_RESTART_MAX 64u
#define DISK_WEIGHT	   256u	       /* of a VM that says nothing else */
#define DISK_UNDO_DEFAULT  (256 * MIB) /* more than an upgrade of packages writes */
#define DISK_UNDO_MIN	   (64 * KIB)
#define DISK_UNDO_MAX	   (16 * GIB)

/* What becomes of requests to a disk whose driver stays down. */
enum config_lost {
	LOST_WAIT,  /* until it is there again */
	LOST_ERROR, /* they fail */
};

/* Where a disk's device, behind an IOMMU, puts and takes data. */
enum config_dma {
	DMA_DIRECT, /* in its clients' RAM */
	DMA_COPY,   /* in pools beside it */
};

enum config_kind { CONFIG_DISKS, CONFIG_NETS, CONFIG_CHANNELS, CONFIG_SERVICES };

/* What disks, networks, channels and services have in common, and begin with. */
struct config_section {
	char name[CONFIG_NAME_BYTES];
	bool declared; /* it has a section; others are only spoken of */
	bool broken;   /* its section has a mistake */
	u64 given;
};

/* A disk that VMs may use: a section [disk NAME]. */
struct disk_config {
	struct config_section section;
	char controller[CONFIG_WORD_BYTES]; /* "memory"; "nvme0 ide0.0 00:04.0"; "": a service */
	char service[CONFIG_NAME_BYTES];    /* of the section [service NAME] */
	char image[CONFIG_FILE_BYTES];	    /* of a disk in memory; "": empty */
	u64 size_bytes;			    /* likewise */
	char partition[CONFIG_WORD_BYTES];  /* its name or UUID; "": the whole disk */
	u64 read_only;
	u64 restart_limit; /* deaths of its driver in a minute, then it stays down; 0: none */
	u64 lost;	   /* enum config_lost */
	u64 dma;	   /* enum config_dma */
};

enum vm_disk_flag {
	VM_DISK_READ_ONLY = 1 << 0,
	VM_DISK_OPTIONAL = 1 << 1,
	VM_DISK_CLONED = 1 << 2, /* in no file: a view of the source's, vm_clone_disk.h */
};

/* A disk of a VM: `number` is that of config_disk plus 1; 0: no more. */
struct vm_disk {
	u8 number;
	u8 flags; /* enum vm_disk_flag */
};

#define CONFIG_NET_MAX	  32u
#define CONFIG_VM_NET_MAX 8u

/* A network that VMs may be on: a section [net NAME]. */
struct net_config {
	struct config_section section;
	char uplink[CONFIG_WORD_BYTES]; /* "net0 00:03.0, net1"; "": none */
	u64 mtu;
	u64 restart_limit; /* deaths of its switch, or of its card's driver, in a minute; 0: none */
};

#define CONFIG_SERVICE_MAX    16u
#define CONFIG_ARGUMENT_BYTES 256u

/* A program of the boot bundle that serves a disk: a section [service NAME]. */
struct service_config {
	struct config_section section;
	char program[CONFIG_FILE_BYTES];
	char file[CONFIG_FILE_BYTES];	      /* that it may read; "": none */
	char argument[CONFIG_ARGUMENT_BYTES]; /* that it is told */
	u64 memory_bytes;		      /* that outlives its processes */
};

#define CONFIG_CHANNEL_MAX 4u

/* A machine channel: a section [channel NAME]; "com2" is that on COM2. */
struct channel_config {
	struct config_section section;
	u64 rights; /* enum permission */
};

enum vm_net_flag {
	VM_NET_OPTIONAL = 1 << 0,
	VM_NET_PRIVATE = 1 << 1,
	VM_NET_TRUNK = 1 << 2,
	VM_NET_ANY_SOURCE = 1 << 3,
};

/* A card of a VM on a network: `number` is that of config_net plus 1; 0: no more. */
struct vm_net {
	u8 number;
	u8 flags; /* enum vm_net_flag */
	u16 vlan; /* 0: none */
	u32 address; /* IPv4, the first byte lowest; 0: any */
	u64 mac;     /* the first byte lowest; 0: by the VM's name */
};

/* A VM as asked for. Numbers are u64 throughout so that one table of keys can reach them. */
struct vm_config {
	char name[CONFIG_NAME_BYTES];
	bool broken; /* its section has a mistake: it must not be created */
	bool destroyed; /* the VM of this section was, and may be created again */
	u64 given;
	char kernel[CONFIG_FILE_BYTES];
	char initrd[CONFIG_FILE_BYTES]; /* "": none */
	char cmdline[CONFIG_CMDLINE_BYTES];
	u64 memory_bytes;
	u64 vcpus;
	u64 affinity[CONFIG_CPU_WORDS]; /* all 0: every CPU */
	u64 weight;
	u64 cap_percent; /* 0: none */
	u64 reserve_budget_ns; /* 0: none */
	u64 reserve_period_ns;
	u64 autostart; /* enum config_autostart */
	u64 on_crash;
	u64 clock;
	u64 stop_timeout_ns;
	u64 pages;
	u64 trap; /* enum config_trap */
	u64 preemption_timer;
	u64 unrestricted;
	u64 apic_virtualization;
	u64 tlb_flush;
	u64 hpet;
	u64 pci;     /* enum config_pci */
	u64 rng;
	u64 balloon;
	u64 overcommit; /* its memory is promised beyond what there is */
	u64 console; /* enum config_console */
	char port[CONFIG_PORT_MAX][CONFIG_NAME_BYTES]; /* of the virtio console; "": no more */
	char channel[CONFIG_NAME_BYTES]; /* the port that is a machine channel; "": none */
	u64 test_device;
	struct vm_disk disk[CONFIG_VM_DISK_MAX];
	u64 disk_ops; /* a second, of each disk; 0: no limit; likewise: */
	u64 disk_bytes;
	u64 disk_burst; /* bytes */
	u64 disk_weight;
	u64 disk_undo_bytes; /* for old blocks of each disk, from a snapshot on */
	struct vm_net net[CONFIG_VM_NET_MAX];
	u64 net_packets; /* a second, of each card; 0: no limit; likewise: */
	u64 net_bytes;
	u64 net_burst; /* bytes */
	u64 net_weight;
};

struct config {
	struct host_config host;
	u32 vm_count;
	struct vm_config vm[CONFIG_VM_MAX];
};

/* A mistake and where it is; text says what was found and what is allowed. */
struct config_problem {
	const char *file;
	u32 line;   /* from 1 */
	u32 column; /* from 1 */
	char text[CONFIG_PROBLEM_BYTES];
};

typedef void config_report(void *context, const struct config_problem *problem);

void config_init(struct config *config);
void config_vm_init(struct vm_config *vm);

/*
 * Adds what a file says to `config`. Each mistake is reported; after CONFIG_PROBLEMS_MAX of them
 * the rest of the file is not read, but for lines that ask for a password. A VM whose section has a
 * mistake is kept with `broken` set; of two sections with one name the second is dropped. Returns
 * how many mistakes there were.
 */
#define CONFIG_PROBLEMS_MAX 20u
u32 config_parse(struct config *config, const char *file, struct text text,
		 config_report *report, void *context);

/* The disk of that number, from 0 on; NULL behind the last. Likewise networks and others. */
struct disk_config *config_disk(u32 number);
struct net_config *config_net(u32 number);
struct channel_config *config_channel(u32 number);
struct service_config *config_service(u32 number);
/* The number of a disk, which is added when nobody has spoken of it yet; -1: there are too many. */
int config_disk_number(struct text name);
int config_net_number(struct text name);
int config_channel_number(struct text name);
int config_service_number(struct text name);
/* Likewise what it begins with; NULL: there are too many. */
struct config_section *config_section(enum config_kind kind, struct text name);
/* The section of the machine channel of that name; NULL: it has none. */
const struct channel_config *config_channel_find(const char *name);
/* Forgets them all. */
void config_sections_init(void);

/* Their names as the configuration file would have them: "agent, log". */
void config_ports_text(const char (*ports)[CONFIG_NAME_BYTES], char *buffer, size_t size);

/* The section of that name, NULL when there is none. */
struct vm_config *config_find(struct config *config, const char *name);

/* 1 to 31 letters, digits, '-', '_' and '.', the first one a letter or digit. */
bool config_name_valid(struct text name);
#define CONFIG_NAME_ALLOWED "1 to 31 letters, digits, '-', '_' and '.', a letter or digit first"
