/* SPDX-License-Identifier: MIT */
/*
 * The life of drivers: starts their processes, watches them for deaths and hangs, and restarts
 * them. Called by the event loop, by vmm/manager/disk and vmm/manager/net, and by the commands on
 * drivers. Owns the list of drivers; driver_build.c makes processes and driver_link.c links.
 */
#include "vmm/manager/driver/driver.h"

#include "lib/bits.h"
#include "vmm/manager/driver/device.h"
#include "vmm/manager/iommu/iommu.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/notice.h"
#include "vmm/manager/process/process_end.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

static struct driver drivers[DRIVER_MAX];

struct driver *driver_next(struct driver *driver)
{
	u32 at = driver != NULL ? driver_number(driver) + 1 : 0;

	for (; at < DRIVER_MAX; at++) {
		if (drivers[at].used)
			return &drivers[at];
	}
	return NULL;
}

u32 driver_number(const struct driver *driver)
{
	return (u32)(driver - drivers);
}

struct driver *driver_of_link(const struct driver_link *link)
{
	DRIVER_FOR_EACH(driver) {
		if (link >= driver->link && link < driver->link + DRIVER_CLIENT_MAX)
			return driver;
	}
	return NULL;
}

struct driver *driver_find(const char *name)
{
	DRIVER_FOR_EACH(driver) {
		if (string_equal(driver->name, name))
			return driver;
	}
	return NULL;
}

const char *driver_life_name(enum driver_life life)
{
	static const char *const names[] = {
		[DRIVER_LIFE_STARTING] = "starting",
		[DRIVER_LIFE_READY] = "ready",
		[DRIVER_LIFE_RESTARTING] = "restarting",
		[DRIVER_LIFE_FAILED] = "failed",
	};

	return names[life];
}

/* Detaches the device from memory: from here on none of its DMA arrives. */
static void driver_detach(const struct driver *driver)
{
	if (driver->dma_space != HANDLE_NONE)
		(void)!iommu_attach(device_function(driver->device), HANDLE_NONE);
}

static void driver_fail(struct driver *driver, const char *reason)
{
	driver_detach(driver);
	driver->life = DRIVER_LIFE_FAILED;
	string_copy(driver->reason, sizeof(driver->reason), reason);
	log_message(LOG_ERROR, LOG_DEVICE, "", "driver %s: failed: %s", driver->name,
		    driver->reason);
	notice("error: driver %s: %s\n", driver->name, driver->reason);
	driver_links_lose(driver);
}

/* Fails the driver for good once its device, which may have been started already, is quiet. */
static void driver_fail_quietly(struct driver *driver, const char *reason)
{
	if (driver->kind->quiet == NULL) {
		driver_fail(driver, reason);
		return;
	}
	string_copy(driver->reason, sizeof(driver->reason), reason);
	driver->failing = true;
	driver->life = DRIVER_LIFE_RESTARTING;
}

static enum status driver_launch(struct driver *driver, char *problem, size_t size)
{
	driver->starts++;
	driver->life = DRIVER_LIFE_STARTING;
	driver->killed = false;
	driver->seen_tsc = clock_tsc();
	driver->seen_finished = 0;
	driver->stuck_tsc = 0;
	driver->asked = 0;
	driver->asked_tsc = clock_tsc();
	driver->ready_tsc = 0;
	return driver_build(driver, problem, size);
}

struct driver *driver_create(const char *name, const struct driver_kind *kind, u32 device,
			     const struct file *file, u64 disk_bytes, char *problem, size_t size)
{
	struct driver *driver = drivers;

	if (driver_find(name) != NULL) {
		format(problem, size, "there is a driver %s already; each name can be there once",
		       name);
		return NULL;
	}
	while (driver < drivers + DRIVER_MAX && driver->used)
		driver++;
	if (driver == drivers + DRIVER_MAX) {
		format(problem, size, "there is one driver too many; there can be %u", DRIVER_MAX);
		return NULL;
	}
	*driver = (struct driver){.used = true,
				  .kind = kind,
				  .device = device,
				  .file = file,
				  .disk_bytes = disk_bytes};
	string_copy(driver->name, sizeof(driver->name), name);
	if (driver_launch(driver, problem, size) != STATUS_OK)
		driver_fail_quietly(driver, problem);
	return driver;
}

void driver_text(const char *from, size_t bytes, char *to, size_t size)
{
	char raw[DRIVER_TEXT_BYTES];

	memcpy(raw, from, bytes);
	text_show(to, size, (struct text){raw, strnlen(raw, bytes)});
}

void driver_model(const struct driver *driver, char *text, size_t size)
{
	driver_text(driver->channel->model, sizeof(driver->channel->model), text, size);
}

static void driver_take_ready(struct driver *driver)
{
	driver->life = DRIVER_LIFE_READY;
	driver->ready_tsc = clock_tsc();
	driver->reason[0] = '\0';
	if (driver->kind->class->ready != NULL)
		driver->kind->class->ready(driver);
	if (driver->ended_tsc != 0) {
		driver->restart_ns = clock_tsc_to_ns(clock_tsc() - driver->ended_tsc);
		log_message(LOG_INFO, LOG_DEVICE, "", "driver %s: back after %llu us", driver->name,
			    (unsigned long long)(driver->restart_ns / NS_PER_US));
	}
	driver_links_open(driver);
}

void driver_signalled(u32 number)
{
	struct driver *driver = &drivers[number % DRIVER_MAX];
	const struct driver_class *class = driver->used ? driver->kind->class : NULL;

	if (!driver->used || driver->channel == NULL)
		return;
	if (driver->life == DRIVER_LIFE_READY && class->signalled != NULL)
		class->signalled(driver);
	if (driver->life == DRIVER_LIFE_STARTING &&
	    __atomic_load_n(&driver->channel->state, __ATOMIC_ACQUIRE) == DRIVER_READY)
		driver_take_ready(driver);
}

static void driver_note_death(struct driver *driver)
{
	driver->death_tsc[driver->deaths++ % CONFIG_RESTART_MAX] = clock_tsc();
}

/* Sets the pause before the next start: a driver that dies at once must not keep a CPU busy. */
static void driver_note_pause(struct driver *driver)
{
	u64 ready = driver->ready_tsc;

	driver->launch_tsc = 0;
	if (ready != 0 && driver->ended_tsc - ready >= clock_ns_to_tsc(DRIVER_SHORT_NS)) {
		driver->short_lives = 0;
		return;
	}
	driver->launch_tsc =
		driver->ended_tsc + clock_ns_to_tsc(DRIVER_PAUSE_NS << driver->short_lives);
	driver->short_lives = MIN(driver->short_lives + 1, DRIVER_PAUSES);
}

static bool driver_dies_too_often(const struct driver *driver)
{
	u32 limit = driver->restart_limit;
	u64 oldest;

	if (limit == 0 || driver->deaths < limit)
		return false;
	oldest = driver->death_tsc[(driver->deaths - limit) % CONFIG_RESTART_MAX];
	return clock_tsc_to_ns(clock_tsc() - oldest) < DRIVER_WINDOW_NS;
}

/* Returns whether the driver itself found its device useless: a restart would not help. */
static bool driver_gave_up(const struct driver *driver)
{
	return __atomic_load_n(&driver->channel->state, __ATOMIC_ACQUIRE) == DRIVER_FAILED &&
	       driver->life == DRIVER_LIFE_STARTING;
}

static void driver_ended(struct driver *driver)
{
	char reason[DRIVER_TEXT_BYTES] = "";
	char how[PROCESS_END_BYTES];

	driver->ended_tsc = clock_tsc();
	process_end_text(driver->process, how);
	driver_detach(driver);
	driver_text(driver->channel->reason, sizeof(driver->channel->reason), reason,
		    sizeof(reason));
	driver_links_close(driver);
	sys_handle_close(driver->space);
	sys_object_destroy(driver->process);
	sys_handle_close(driver->process);
	driver->process = HANDLE_NONE;
	if (driver->kind->class->ended != NULL)
		driver->kind->class->ended(driver);
	if (driver_gave_up(driver)) {
		driver_fail_quietly(driver, reason);
		return;
	}
	if (!driver->killed) {
		log_message(LOG_ERROR, LOG_DEVICE, "", "driver %s: died%s%s", driver->name,
			    reason[0] != '\0' ? ": " : how, reason);
		driver_note_death(driver);
		driver_note_pause(driver);
	}
	driver->life = DRIVER_LIFE_RESTARTING;
}

void driver_process_ended(u32 number)
{
	struct driver *driver = &drivers[number % DRIVER_MAX];

	/* the signal may be that of an earlier process, which had another number of starts */
	if (driver->used && driver->process != HANDLE_NONE && driver->starts == number / DRIVER_MAX)
		driver_ended(driver);
}

u64 driver_pause_ns(const struct driver *driver)
{
	u64 answered = driver->channel != NULL ? driver->channel->first_answer_tsc : 0;

	if (driver->life != DRIVER_LIFE_READY || driver->ended_tsc == 0 ||
	    answered < driver->ended_tsc)
		return 0;
	return clock_tsc_to_ns(answered - driver->ended_tsc);
}

static void driver_kill(struct driver *driver, const char *why)
{
	log_message(LOG_WARNING, LOG_DEVICE, "", "driver %s: ended, %s", driver->name, why);
	driver->killed = true;
	driver_ended(driver);
}

bool driver_restart(struct driver *driver)
{
	bool ends = driver->process != HANDLE_NONE;

	driver->deaths = 0;
	driver->short_lives = 0;
	driver->launch_tsc = 0;
	driver->failing = false;
	if (ends)
		driver_kill(driver, "by `driver restart`");
	driver->life = DRIVER_LIFE_RESTARTING;
	return ends;
}

bool driver_grow(struct driver *driver, u64 bytes, char *problem, size_t size)
{
	if (driver->life != DRIVER_LIFE_READY) {
		format(problem, size, "its driver is %s; try again when it is ready",
		       driver_life_name(driver->life));
		return false;
	}
	if (!driver_add_store(driver, bytes, problem, size))
		return false;
	driver->disk_bytes = bytes;
	driver_kill(driver, "to start anew with a larger disk");
	return true;
}

/* Makes the device stop its DMA; returns whether it has. If it cannot, the driver fails. */
static bool driver_is_quiet(struct driver *driver)
{
	const char *why = "its device is not quiet";
	char problem[DRIVER_TEXT_BYTES];
	enum status status;

	if (driver->kind->quiet == NULL)
		return true;
	status = driver->kind->quiet(driver->device, &why);
	driver->loud = status != STATUS_OK && status != STATUS_AGAIN;
	if (!driver->loud)
		return status == STATUS_OK;
	format(problem, sizeof(problem),
	       "%s: it may still write to memory; `driver restart %s` tries again", why,
	       driver->name);
	driver->failing = false;
	driver_fail(driver, problem);
	return false;
}

/*
 * Lets a driver wait for pages: the kernel frees the pages of processes that have just died some
 * time later.
 */
static bool driver_waits_for_pages(struct driver *driver, enum status status)
{
	if ((status != STATUS_NO_QUOTA && status != STATUS_NO_MEMORY) || driver->ended_tsc == 0 ||
	    clock_tsc() - driver->ended_tsc > clock_ns_to_tsc(DRIVER_PAGES_NS))
		return false;
	driver->life = DRIVER_LIFE_RESTARTING;
	driver->launch_tsc = clock_tsc() + clock_ns_to_tsc(DRIVER_PAUSE_NS);
	return true;
}

static void driver_step_restart(struct driver *driver)
{
	char problem[DRIVER_TEXT_BYTES];
	enum status status;

	if (!driver_is_quiet(driver))
		return;
	if (driver->failing) {
		driver->failing = false;
		string_copy(problem, sizeof(problem), driver->reason);
		driver_fail(driver, problem);
		return;
	}
	if (driver_dies_too_often(driver)) {
		format(problem, sizeof(problem),
		       "it died %u times within %llu s; `driver restart %s` tries again",
		       driver->restart_limit, (unsigned long long)(DRIVER_WINDOW_NS / NS_PER_S),
		       driver->name);
		driver_fail(driver, problem);
		return;
	}
	if (clock_tsc() < driver->launch_tsc)
		return;
	status = driver_launch(driver, problem, sizeof(problem));
	if (status != STATUS_OK && !driver_waits_for_pages(driver, status))
		driver_fail_quietly(driver, problem);
}

static bool driver_owes_answer(const struct driver *driver)
{
	return __atomic_load_n(&driver->channel->answered, __ATOMIC_ACQUIRE) != driver->asked;
}

/*
 * Asks the driver, through its channel, to show that it lives: a switch has no requests to show
 * that, and a disk's driver may hang before it has one.
 */
static void driver_ask(struct driver *driver, u64 now)
{
	if (!driver->kind->class->asked || driver->life != DRIVER_LIFE_READY ||
	    driver_owes_answer(driver) || now - driver->asked_tsc < clock_ns_to_tsc(DRIVER_ASK_NS))
		return;
	driver->asked_tsc = now;
	__atomic_store_n(&driver->channel->asked, ++driver->asked, __ATOMIC_RELEASE);
	sys_event_signal(driver->wake);
}

/*
 * Returns whether the driver has something to do: to get ready, to finish requests, to
 * answer the manager, or to release a client or its window.
 */
static bool driver_has_work(const struct driver *driver)
{
	if (driver->life == DRIVER_LIFE_STARTING || driver->channel->waiting != 0 ||
	    (driver->kind->class->asked && driver_owes_answer(driver)))
		return true;
	for (u32 i = 0; i < driver->link_end; i++) {
		const struct driver_link *link = &driver->link[i];

		if (link->used && (link->leaving || driver_link_is_closing(link)))
			return true;
	}
	return false;
}

/*
 * Returns how long a driver may do nothing. A device may take time to come up; a driver without a
 * device has nothing to wait for.
 */
static u64 driver_patience_ns(const struct driver *driver)
{
	return driver->life == DRIVER_LIFE_STARTING && driver->kind->quiet != NULL ? DRIVER_START_NS
										   : DRIVER_HANG_NS;
}

/* Returns whether the driver fails to release a client; its work for other clients is no excuse. */
static bool driver_keeps_a_client(const struct driver *driver, u64 now)
{
	for (u32 i = 0; i < driver->link_end; i++) {
		const struct driver_link *link = &driver->link[i];

		if (link->used && link->leaving && link->driver_at != 0 &&
		    now - link->leaving_tsc > clock_ns_to_tsc(DRIVER_LEAVE_NS))
			return true;
		if (link->used && driver_link_is_closing(link) &&
		    now - link->ram.closing_tsc > clock_ns_to_tsc(DRIVER_LEAVE_NS))
			return true;
	}
	return false;
}

/* Ends a driver that has work but makes no progress, or breaks another rule. */
static void driver_look_for_hang(struct driver *driver, u64 now)
{
	u64 finished = driver->channel->finished;
	u64 since = MIN(now - driver->seen_tsc, clock_ns_to_tsc(DRIVER_LOOK_NS));

	driver->seen_tsc = now;
	if (driver->dma_space != HANDLE_NONE && device_function(driver->device)->cut_off) {
		driver_note_death(driver);
		driver_kill(driver, "its device reached for memory that it was not given");
	} else if (driver_keeps_a_client(driver, now)) {
		driver_note_death(driver);
		driver_kill(driver, "it does not let a client go");
	} else if (finished != driver->seen_finished || !driver_has_work(driver)) {
		driver->seen_finished = finished;
		driver->stuck_tsc = 0;
	} else if ((driver->stuck_tsc += since) > clock_ns_to_tsc(driver_patience_ns(driver))) {
		driver_note_death(driver);
		driver_kill(driver, "it answers nothing any more");
	}
}

bool driver_step(void)
{
	u64 now = clock_tsc();
	bool more = false;

	DRIVER_FOR_EACH(driver) {
		if (driver->life == DRIVER_LIFE_RESTARTING) {
			driver_step_restart(driver);
			more |= driver->life != DRIVER_LIFE_RESTARTING;
		} else if (driver->process != HANDLE_NONE) {
			driver_look_for_hang(driver, now);
			driver_ask(driver, now);
		}
	}
	return more;
}

/* Returns the TSC at which the next step of the driver's restart is due. */
static u64 driver_restart_deadline(const struct driver *driver)
{
	if (driver->kind->quiet == NULL)
		return driver->launch_tsc;
	return MAX(driver->kind->quiet_deadline(driver->device), driver->launch_tsc);
}

u64 driver_deadline(void)
{
	u64 deadline = ~0ull;

	DRIVER_FOR_EACH(driver) {
		if (driver->life == DRIVER_LIFE_RESTARTING)
			deadline = MIN(deadline, driver_restart_deadline(driver));
		if (driver->process != HANDLE_NONE && driver_has_work(driver))
			deadline = MIN(deadline, clock_tsc() + clock_ns_to_tsc(NS_PER_S));
		else if (driver->process != HANDLE_NONE && driver->kind->class->asked)
			deadline =
				MIN(deadline, driver->asked_tsc + clock_ns_to_tsc(DRIVER_ASK_NS));
	}
	return deadline;
}

bool drivers_settled(void)
{
	DRIVER_FOR_EACH(driver) {
		if (driver->life == DRIVER_LIFE_STARTING || driver->life == DRIVER_LIFE_RESTARTING)
			return false;
	}
	return true;
}
