/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The configuration as it was read from its file: the structures of all sections, the lists of
 * those with names, and look-ups in them.
 */
#include "vmm/io/backup.h"
#include "vmm/io/net_channel.h"
#include "vmm/manager/login/password.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/channel.h"
#include "vmm/rt/vsock.h"

#define CONFIG_VM_MAX	     1024u
#define CONFIG_LOG_RATE	     20u /* the default of log.rate */
#define CONFIG_NAME_BYTES    CHANNEL_NAME_BYTES
#define CONFIG_FILE_BYTES    64u
#define CONFIG_CMDLINE_BYTES 1024u
/* room for a message that names an unknown key and all valid ones */
#define CONFIG_PROBLEM_BYTES 576u
#define CONFIG_WINDOW_BYTES  (CONFIG_NAME_BYTES + 16u)
#define CONFIG_PORT_MAX	     (CHANNEL_STREAM_MAX - 1)
#define CONFIG_CPU_WORDS     4u /* words of 64 bits that `affinity` needs for CPU_MAX host CPUs */

/* Choices: the numbers follow the order of the words in config_keys.c. */
enum config_clock { CLOCK_STOP, CLOCK_JUMP };
enum config_autostart { AUTOSTART_NO, AUTOSTART_YES, AUTOSTART_RESTORE };
enum config_on_crash { ON_CRASH_HOLD, ON_CRASH_RESTART, ON_CRASH_DESTROY, ON_CRASH_RESTORE };
enum config_pages { PAGES_AUTO, PAGES_4K, PAGES_2M, PAGES_1G };
enum config_automatic { AUTOMATIC_AUTO, AUTOMATIC_OFF };
enum config_tlb_flush { TLB_FLUSH_TAGGED, TLB_FLUSH_FULL };
enum config_boot { BOOT_KERNEL, BOOT_BIOS, BOOT_UEFI };
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

#define CONFIG_WORD_BYTES 48u

struct host_config {
	u64 given; /* a bit for each key that was set, by the key's index in the table of keys */
	u64 log;   /* enum log_level */
	u64 export;
	u64 log_format;
	u64 log_segments;
	u64 log_segment_bytes;
	/* the age, in ns, at which a segment of the log is closed; 0: never */
	u64 log_segment_age_ns;
	/* the UUID by which other hosts know this one; "": that of the firmware */
	char id[CONFIG_WORD_BYTES];
	u64 log_rate; /* lines a second that each VM's monitor may log */
	/* time in ns without input at the console after which it is locked; 0: never */
	u64 lock_after_ns;
	/* a line of the file begins with `password`, whether it could be read or not */
	bool password_asked;
	struct password_hash password;
	struct state_key {
		bool given;
		u8 bytes[32];
		/* the key with which saved VMs are sealed: vmm/manager/config/vm_save_key.h */
	} state_key;
};

#define CONFIG_DISK_MAX	   64u
#define CONFIG_VM_DISK_MAX 16u
#define CONFIG_RESTART_MAX 64u
#define DISK_WEIGHT	   256u /* the weight of a VM that sets none */
/* the default size of a disk's memory for old blocks: more than an upgrade of packages writes */
#define DISK_UNDO_DEFAULT (256 * MIB)
#define DISK_UNDO_MIN	  (64 * KIB)
#define DISK_UNDO_MAX	  (16 * GIB)

/* What happens to requests to a disk whose driver stays down. */
enum config_lost {
	LOST_WAIT,  /* requests wait until the driver is restarted */
	LOST_ERROR, /* requests fail */
};

/* How a disk's device, behind an IOMMU, moves data. */
enum config_dma {
	DMA_DIRECT, /* the disk's device accesses its clients' RAM */
	DMA_COPY,   /* data is copied: the device accesses pools in place of RAM */
};

enum config_kind { CONFIG_DISKS, CONFIG_NETS, CONFIG_CHANNELS, CONFIG_SERVICES, CONFIG_STORES };

/*
 * The common beginning of the configuration structures of disks, networks, channels, services and
 * stores.
 */
struct config_section {
	char name[CONFIG_NAME_BYTES];
	/* the file has a section for this name; otherwise the name was only mentioned */
	bool declared;
	bool broken; /* the section has a mistake, and is not used */
	u64 given;
};

/* A disk for VMs: a section [disk NAME]. */
struct disk_config {
	struct config_section section;
	/*
	 * where the disk is, such as "memory" or "nvme0 ide0.0 00:04.0"; "": a service provides it
	 */
	char controller[CONFIG_WORD_BYTES];
	/* name of the section [service NAME] that provides the disk; "": none does */
	char service[CONFIG_NAME_BYTES];
	char image[CONFIG_FILE_BYTES];	   /* file for a disk in memory; "": none */
	u64 size_bytes;			   /* the size of a disk in memory */
	char partition[CONFIG_WORD_BYTES]; /* the partition's name or UUID; "": the whole disk */
	u64 read_only;
	/* deaths of the disk's driver in a minute before it stays down; 0: no limit */
	u64 restart_limit;
	u64 lost;			 /* enum config_lost */
	u64 dma;			 /* enum config_dma */
	char encrypt[CONFIG_NAME_BYTES]; /* name of the disk's key: disk_key.h; "": there is none */
};

enum vm_disk_flag {
	VM_DISK_READ_ONLY = 1 << 0,
	VM_DISK_OPTIONAL = 1 << 1,
	VM_DISK_CLONED = 1 << 2, /* in no file: the disk is a clone's view, vm_clone_disk.h */
	VM_DISK_VOLUME = 1 << 3, /* STORE/VOLUME: `number` is that of a store */
	VM_DISK_OWN = 1 << 4,	 /* in no file: the volume was made for a clone, and goes with it */
	/* the disk holds the CD of a CD-ROM drive; VM_DISK_READ_ONLY is set, too */
	VM_DISK_CDROM = 1 << 5,
	/* not shown to the guest as a disk: it stores the variables of the guest's firmware */
	VM_DISK_FLASH = 1 << 6,
	VM_DISK_SCSI = 1 << 7, /* the guest finds the disk at its SCSI host */
};

/*
 * A disk of a VM: `number`, less 1, is the one for config_disk, or for config_store if it is a
 * volume; 0: no more disks.
 */
struct vm_disk {
	u8 number;
	u8 flags;   /* enum vm_disk_flag */
	u16 volume; /* number of a volume's name: config_volume_name */
};

#define CONFIG_STORE_MAX       8u
#define STORE_CHECKSUM_AFTER_S 60u
#define STORE_MEMORY_MIN       (256 * KIB)
#define STORE_MEMORY_MAX       (16 * GIB)
/* the most names of volumes that configurations may mention at a time */
#define CONFIG_VOLUME_MAX 4096u
/* Room for the name of a VM's disk: DISK or STORE/VOLUME. */
#define CONFIG_DISK_BYTES (2ul * CONFIG_NAME_BYTES)

#define CONFIG_QUOTA_MAX    8u
#define CONFIG_QUOTAS_BYTES (CONFIG_QUOTA_MAX * (CONFIG_NAME_BYTES + 24))
/* What is said of quotas that are not valid, of a store's name and CONFIG_QUOTA_MAX. */
#define STORE_QUOTA_WRONG                                                                          \
	"the quota of store %s is not valid; use up to %u of NAME SIZE or BEGINNING* SIZE, as in " \
	"quota = team-* 64G, web 8G"

/*
 * A quota of a store: the most bytes that the volumes whose names match the pattern may have in
 * all.
 */
struct store_quota {
	/* a volume's name, or the beginning of names followed by '*' */
	char pattern[CONFIG_NAME_BYTES];
	u64 bytes;
};

/* The configuration of a store, which has volumes on a disk: a section [store NAME]. */
struct store_config {
	struct config_section section;
	char disk[CONFIG_NAME_BYTES]; /* name of the section [disk NAME] on which the store lies */
	/* memory for the store's tables; 0: as much as the store's size requires */
	u64 memory_bytes;
	u64 overcommit; /* not 0: its volumes may in all be larger than the store */
	u64 encrypted;	/* not 0: volumes that are not encrypted are not used */
	/* for how long another host must see no commit before it takes the store; 0: no lease */
	u64 lease_ns;
	u64 checksum; /* not 0: chunks get sums, by which a scrub finds what the disk spoiled */
	/* seconds without a write after which a chunk gets its sum; 0: STORE_CHECKSUM_AFTER_S */
	u64 checksum_after;
	/* the store's quotas, such as "team-* 64G, web 8G"; "": there are none */
	char quota[CONFIG_QUOTAS_BYTES];
};

#define CONFIG_NET_MAX	   32u
#define CONFIG_VM_NET_MAX  8u
#define CONFIG_RANGE_BYTES 19u /* 255.255.255.255/32 */

/* A network for VMs: a section [net NAME]. */
struct net_config {
	struct config_section section;
	/* the host's cards, such as "net0 00:03.0, net1"; "": none */
	char uplink[CONFIG_WORD_BYTES];
	u64 mtu;
	/* deaths of a switch or of a card's driver in a minute before it stays down; 0: no limit */
	u64 restart_limit;
	/* the addresses that VMs are given by DHCP, such as "10.7.0.0/16"; "": none are */
	char dhcp[CONFIG_RANGE_BYTES];
	/* addresses that clients are told of; "": there is none */
	char dhcp_router[CONFIG_RANGE_BYTES];
	char dhcp_dns[CONFIG_RANGE_BYTES];
};

#define CONFIG_SERVICE_MAX    16u
#define CONFIG_ARGUMENT_BYTES 256u

/* A program of the boot bundle that serves a disk: a section [service NAME]. */
struct service_config {
	struct config_section section;
	char program[CONFIG_FILE_BYTES];
	char file[CONFIG_FILE_BYTES];	      /* boot file that the program may read; "": none */
	char argument[CONFIG_ARGUMENT_BYTES]; /* text that the program is given */
	/* size of the service's own memory, which its next process finds as the last has left it */
	u64 memory_bytes;
};

#define CONFIG_CHANNEL_MAX 4u

/* A machine channel: a section [channel NAME]; "com2" is the one on COM2. */
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

/* A card of a VM: `number`, less 1, is the one for config_net; 0: no more cards. */
struct vm_net {
	u8 number;
	u8 flags; /* enum vm_net_flag */
	u16 vlan; /* the card's VLAN; 0: it has none */
	/* the only IPv4 address that the card may use, the first byte lowest; 0: any address */
	u32 address;
	/* the card's MAC address, the first byte lowest; 0: derived from the VM's name */
	u64 mac;
};

#define CONFIG_EGRESS_MAX (NET_EGRESS_MAX - 1) /* the most entries of `net.egress` */

/* A VM, which need not exist, and a port at which guests may have connections: `beta:5000`. */
struct vm_peer {
	char name[CONFIG_NAME_BYTES];
	u32 port; /* 0: the entry is empty */
};

#define BACKUP_EVERY_MIN_NS  NS_PER_S
#define BACKUP_EVERY_MAX_NS  (366 * 86400ull * NS_PER_S)
#define BACKUP_KEEP_MAX	     64u
#define BACKUP_KEEP_DEFAULT  2u
#define BACKUP_CHAIN_DEFAULT 7u

/* When backups of a VM's volumes are made, and how many are kept: `spare every 24h chain 7 keep 4`.
 */
struct backup_plan {
	/* name of the store in which the backups are made; "": none are made by themselves */
	char store[CONFIG_NAME_BYTES];
	u64 every_ns; /* the time between two backups */
	u64 chain; /* the most backups in a chain: a full one and the differential ones after it */
	u64 keep;  /* the number of chains that are kept */
};

/*
 * The configuration of a VM. Numbers are u64 throughout so that one table of keys can reach them.
 */
struct vm_config {
	char name[CONFIG_NAME_BYTES];
	bool broken;	/* the section has a mistake, so that its VM must not be created */
	bool destroyed; /* the section's VM was destroyed, and may be created again */
	u64 given;
	u64 boot;			  /* enum config_boot */
	char firmware[CONFIG_FILE_BYTES]; /* "": none */
	/* disk, cdrom and net in any order; "": the key is not set */
	char boot_order[CONFIG_WORD_BYTES];
	/* as boot_order, for the next start alone, which empties it; "": the key is not set */
	char boot_once[CONFIG_WORD_BYTES];
	u64 boot_menu;
	char seed[CONFIG_FILE_BYTES]; /* the boot file with user-data for cloud-init; "": none */
	/* the UUID that the VM's firmware reports (SMBIOS); "": the manager chooses one */
	char smbios_uuid[CONFIG_WORD_BYTES];
	char smbios_vendor[CONFIG_FILE_BYTES];
	char smbios_product[CONFIG_FILE_BYTES];
	char smbios_serial[CONFIG_FILE_BYTES];
	char kernel[CONFIG_FILE_BYTES];
	char initrd[CONFIG_FILE_BYTES]; /* the boot file with the initial RAM disk; "": none */
	char cmdline[CONFIG_CMDLINE_BYTES];
	u64 memory_bytes;
	u64 vcpus;
	/* the host CPUs that the VM may use, a bit each; all 0: every CPU */
	u64 affinity[CONFIG_CPU_WORDS];
	u64 weight;
	u64 cap_percent;       /* 0: no cap */
	u64 reserve_budget_ns; /* 0: no reservation */
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
	u64 pci; /* enum config_pci */
	u64 rng;
	u64 balloon;
	u64 vsock;
	struct vm_peer vsock_peer[VSOCK_PEERS_MAX]; /* behind the last, the port is 0 */
	u64 quiesce; /* not 0: snapshots and backups freeze the guest's file systems */
	char window[CONFIG_WINDOW_BYTES]; /* config_window() reads it; "": there is none */
	/* not 0: the VM's memory is promised page by page, not reserved as a whole */
	u64 overcommit;
	u64 console; /* enum config_console */
	/* names of the ports of the VM's virtio console */
	char port[CONFIG_PORT_MAX][CONFIG_NAME_BYTES];
	/* the name of the port that is a machine channel; "": none */
	char channel[CONFIG_NAME_BYTES];
	u64 test_device;
	struct vm_disk disk[CONFIG_VM_DISK_MAX];
	u64 disk_ops; /* operations a second on each disk; 0: no limit, as for disk_bytes */
	u64 disk_bytes;
	/* bytes that may be moved at once beyond disk_bytes; 0: the disk's driver decides */
	u64 disk_burst;
	u64 disk_weight;
	/* bytes of memory for old blocks of each disk, which are kept from a snapshot on */
	u64 disk_undo_bytes;
	struct backup_plan backup;
	struct vm_net net[CONFIG_VM_NET_MAX];
	u64 net_packets; /* packets a second on each card; 0: no limit, as for net_bytes */
	u64 net_bytes;
	u64 net_burst; /* bytes that may be moved at once beyond net_bytes; 0: the switch decides */
	u64 net_weight;
	struct net_egress_list egress; /* what each card may send to */
};

struct config {
	struct host_config host;
	u32 vm_count;
	struct vm_config vm[CONFIG_VM_MAX];
};

/* A mistake and its place; the text says what is wrong and what would be right. */
struct config_problem {
	const char *file;
	u32 line;   /* the line of the mistake, counted from 1 */
	u32 column; /* the column of the mistake, counted from 1 */
	char text[CONFIG_PROBLEM_BYTES];
};

typedef void config_report(void *context, const struct config_problem *problem);

void config_init(struct config *config);
void config_vm_init(struct vm_config *vm);

/*
 * config_parse() adds the sections of a file to `config` and returns the number of mistakes, each
 * of which is reported. After CONFIG_PROBLEMS_MAX mistakes the rest of the file is not read, except
 * for lines that ask for a password. A VM whose section has a mistake is kept with `broken` set; of
 * two sections with the same name the second is dropped.
 */
#define CONFIG_PROBLEMS_MAX 20u
u32 config_parse(struct config *config, const char *file, struct text text, config_report *report,
		 void *context);

/*
 * Return the disk, network, channel, service or store of that number, from 0 on, or NULL behind the
 * last.
 */
struct disk_config *config_disk(u32 number);
struct net_config *config_net(u32 number);
struct channel_config *config_channel(u32 number);
struct service_config *config_service(u32 number);
struct store_config *config_store(u32 number);
/*
 * Copies to *quota the quota of that number, from 0 on, of a store. Returns false behind the last
 * quota.
 */
bool config_store_quota(const struct store_config *store, u32 number, struct store_quota *quota);
/* Returns whether all of the store's quotas can be understood, and are not too many. */
bool config_quotas_valid(const struct store_config *store);
/* Returns whether a volume of that name counts against the quota. */
bool config_quota_is_for(const struct store_quota *quota, const char *name);
/*
 * Return the number of the disk, network, channel, service or store of that name, which is added on
 * its first mention, or -1 if there are too many.
 */
int config_disk_number(struct text name);
int config_net_number(struct text name);
int config_channel_number(struct text name);
int config_service_number(struct text name);
int config_store_number(struct text name);
/*
 * Returns the common part of a section, which is added on its first mention, or NULL if there are
 * too many.
 */
struct config_section *config_section(enum config_kind kind, struct text name);
/* Returns the section of the machine channel of that name, or NULL if it has none. */
const struct channel_config *config_channel_find(const char *name);
/* Empties all lists of sections. */
void config_sections_init(void);

/*
 * Returns the number of a volume's name, which is added on its first mention, or -1 if there are
 * too many names. Volumes of the same name in different stores share the number.
 */
int config_volume_number(struct text name);
const char *config_volume_name(u16 number);
/* Returns whether so many names of volumes are known that unused ones should be forgotten. */
bool config_volumes_are_many(void);
/* Forgets all names. */
void config_volumes_init(void);
/* Forgets the names of volumes for whose numbers `is_used` returns false. */
void config_volumes_sweep(bool (*is_used)(u16 number));
/* Writes the name of a VM's disk: DISK or STORE/VOLUME; returns `text`. */
const char *config_disk_name(const struct vm_disk *disk, char text[CONFIG_DISK_BYTES]);

/* Writes ports' names as in a configuration file: "agent, log". */
void config_ports_text(const char (*ports)[CONFIG_NAME_BYTES], char *buffer, size_t size);

/* What a VM's key `window` says. */
struct window_config {
	char name[CONFIG_NAME_BYTES];
	u64 bytes; /* a power of two in WINDOW_SIZE_MIN to _MAX; 0: the VM has no window */
};
/* Reads the VM's key `window`; returns false if its value is not valid. */
bool config_window(const struct vm_config *vm, struct window_config *window);
/* Says what is wrong with the VM's window; returns false if nothing is. */
bool config_window_wrong(const struct vm_config *vm, char *problem, size_t size);

/* Returns the VM section of that name, or NULL if there is none. */
struct vm_config *config_find(struct config *config, const char *name);

/*
 * Returns whether the name has 1 to 31 letters, digits, '-', '_' and '.', beginning with a letter
 * or digit.
 */
bool config_name_valid(struct text name);
#define CONFIG_NAME_ALLOWED                                                                        \
	"1 to 31 letters, digits, '-', '_' and '.', beginning with a letter or digit"
