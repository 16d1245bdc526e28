/* SPDX-License-Identifier: MIT */
/*
 * The first process of a guest that runs one command: it loads the kernel's modules, mounts the
 * image with a writable layer in memory, waits at the gate, runs the command, and switches the
 * guest off, or stays if the host says so. The kernel starts it from the initramfs.
 */
#include <fcntl.h>
#include <linux/mount.h>

#include "iso/init/gate.h"

/* In this order; one that the kernel has built in is not there. */
static const char *const modules[] = {"vsock.ko",
				      "vmw_vsock_virtio_transport_common.ko",
				      "vmw_vsock_virtio_transport.ko",
				      "virtio_blk.ko",
				      "overlay.ko",
				      "squashfs.ko"};
/* The drivers of network cards, which are loaded in the same way where there is a card. */
static const char *const net_modules[] = {"failover.ko", "net_failover.ko", "virtio_net.ko"};

_Noreturn void init_main(void);

/* The kernel starts with the stack at a multiple of 16, which a function does not expect. */
asm(".globl _start, memcpy, memset\n"
    "_start: xor %ebp, %ebp\n call init_main\n"
    "memcpy: mov %rdi, %rax\n mov %rdx, %rcx\n rep movsb\n ret\n"
    "memset: mov %rdi, %r8\n mov %esi, %eax\n mov %rdx, %rcx\n rep stosb\n mov %r8, %rax\n ret\n");

static void init_need(bool done, const char *what)
{
	if (done)
		return;
	print("init: failed: ");
	print(what);
	print("\n");
	gate_power_off();
}

static void init_mount(const char *what, const char *where, const char *kind, long flags,
		       const char *words)
{
	CALL(mkdir, where, 0755);
	init_need(CALL(mount, what, where, kind, flags, words) == 0, where);
}

static void init_load(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		long file = CALL(open, names[i], O_RDONLY | O_CLOEXEC);

		if (file < 0)
			continue;
		init_need(CALL(finit_module, file, "", 0) == 0, names[i]);
		CALL(close, file);
	}
}

/* Loads the drivers, and gives back the memory of their files. */
static void init_load_modules(void)
{
	size_t count = sizeof(modules) / sizeof(*modules);
	size_t net_count = sizeof(net_modules) / sizeof(*net_modules);

	CALL(chdir, "/modules");
	init_load(modules, count);
	init_mount("sys", "/sys", "sysfs", 0, NULL);
	volume_leave();
	if (net_find_cards()) {
		init_load(net_modules, net_count);
		net_leave_cards();
	}
	for (size_t i = 0; i < count; i++)
		CALL(unlink, modules[i]);
	for (size_t i = 0; i < net_count; i++)
		CALL(unlink, net_modules[i]);
	CALL(unlink, "/init");
}

/* The image below, a layer in memory above it, and the kernel's own file systems in both. */
static void init_mount_all(void)
{
	CALL(umask, 0);
	init_mount("dev", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
	init_mount("/dev/vda", "/image", "squashfs", MS_RDONLY | MS_NODEV, NULL);
	init_mount("layer", "/layer", "tmpfs", MS_NODEV, "mode=0755");
	CALL(mkdir, "/layer/upper", 0755);
	CALL(mkdir, "/layer/work", 0755);
	init_mount("root", "/root", "overlay", MS_NODEV,
		   "lowerdir=/image,upperdir=/layer/upper,workdir=/layer/work");
	CALL(mkdir, "/root/tmp", 01777);
	CALL(mkdir, "/root/etc", 0755);
	init_mount("/dev", "/root/dev", NULL, MS_MOVE, NULL);
	init_need(CALL(chdir, "/root") == 0, "/root");
	init_mount(".", "/", NULL, MS_MOVE, NULL);
	init_need(CALL(chroot, ".") == 0, "/");
	warm_files();
	init_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	init_mount("sys", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	init_mount("pts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666");
	init_mount("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	CALL(symlink, "/proc/self/fd", "/dev/fd");
	CALL(symlink, "/proc/self/fd/0", "/dev/stdin");
	CALL(symlink, "/proc/self/fd/1", "/dev/stdout");
	CALL(symlink, "/proc/self/fd/2", "/dev/stderr");
	CALL(umask, 022);
	/*
	 * When memory is short Linux gives up the pages of programs and reads them again, over and
	 * over: it kills somebody instead when it cannot keep what was used within this time.
	 */
	file_write("/sys/kernel/mm/lru_gen/min_ttl_ms", "1000", 4);
}

_Noreturn void init_main(void)
{
	static struct words words = {.directory = "/", .host = "run"};
	static char usual[] =
		"ePATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\0eHOME=/root";
	static char image[WORDS_BYTES]; /* what the image says about commands, if anything */
	static struct gate gate, run;	/* the words stay in the first one */
	size_t count;

	init_load_modules();
	init_mount_all();
	words_take(&words, usual, sizeof(usual), false);
	count = file_read("/.skerry/words", image, sizeof(image));
	init_need(count < sizeof(image) && words_take(&words, image, count, false),
		  "/.skerry/words");
	gate_wait(&gate, &words);
	CALL(sethostname, words.host, text_length(words.host));
	if (gate.stays)
		stay_serve(&gate, &words);
	run.connection = gate.connection;
	run_command(&run, &words);
	/* The host ends the VM when it has read all; otherwise the VM ends itself. */
	gate_leave(&run);
}
