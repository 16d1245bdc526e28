/* SPDX-License-Identifier: MIT */
/*
 * The frames between a run and the init of its clone: sends input and commands as there is credit,
 * and handles what the init says, which the run's program may have forged. The table of runs calls
 * it; it ends runs.
 */
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "gateway/base/bytes.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/live/run.h"
#include "gateway/link/link.h"

/* Numbers of the protocol in iso/init/gate.h, and limits. */
enum {
	RUN_FRAME_VERSION = RUN_VERSION_VOLUME,
	RUN_FRAME_SEED = 64,
	RUN_FRAME_WINDOW = 1 << 14,
	RUN_FRAME_BYTES = 3072, /* the longest frame from the guest */
	RUN_FRAME_END = 24,
	RUN_FRAME_PIECE = 4096, /* of input */
	RUN_FRAME_LINE = 3072,	/* the most bytes in a line to Skerry */
	RUN_FRAME_KILLED = 9,
};

static void run_frame_add(struct run *run, char kind, const void *bytes, size_t count)
{
	uint8_t head[4] = {(uint8_t)kind, (uint8_t)count, (uint8_t)(count >> 8),
			   (uint8_t)(count >> 16)};

	buffer_add(&run->link.out, head, sizeof(head));
	if (count)
		buffer_add(&run->link.out, bytes, count);
}

/* Adds frames with the run's input as far as the init has room, and one for the input's end. */
static void run_frame_input(struct run *run)
{
	while (run->state == RUN_UNDER_WAY && !run->input_ended) {
		size_t count =
			run->input.count < run->link.window ? run->input.count : run->link.window;

		if (count > RUN_FRAME_PIECE)
			count = RUN_FRAME_PIECE;
		if (count == 0 && (run->input.count || run->input_open))
			return;
		run_frame_add(run, 'I', run->input.bytes, count);
		run->input_ended = count == 0;
		buffer_take(&run->input, count);
		run->link.window -= count;
	}
}

/* Adds a frame with the terminal's size if it is a new one: the last one counts. */
static void run_frame_resize(struct run *run)
{
	uint8_t size[4] = {(uint8_t)run->rows, (uint8_t)(run->rows >> 8), (uint8_t)run->columns,
			   (uint8_t)(run->columns >> 8)};

	if (!run->resized || run->state != RUN_UNDER_WAY || run->link.out.count > RUN_FRAME_LINE)
		return;
	run->resized = false;
	run_frame_add(run, 'W', size, sizeof(size));
}

void run_frame_signal(struct run *run, uint8_t number)
{
	run_frame_add(run, 'K', &number, 1);
}

void run_frame_put(struct run *run, const struct buffer *piece)
{
	run_frame_add(run, 'U', piece->bytes, piece->count);
}

void run_frame_push(struct run *run)
{
	if (run->link.stream == 0)
		return;
	run_frame_resize(run);
	run_frame_input(run);
	while (run->link.out.count && run->link.credit) {
		size_t count = run->link.out.count < run->link.credit ? run->link.out.count
								      : run->link.credit;
		struct buffer text = {0};
		bool sent;

		if (count > RUN_FRAME_LINE)
			count = RUN_FRAME_LINE;
		base64_add(&text, (uint8_t *)run->link.out.bytes, count);
		sent = !text.failed &&
		       link_tell(json_pack("{s:I, s:s}", "stream", (json_int_t)run->link.stream,
					   "data", text.bytes));
		buffer_free(&text);
		if (!sent)
			return; /* the link takes no line now: the tick of the runs tries again */
		buffer_take(&run->link.out, count);
		run->link.credit -= count;
	}
}

void run_frame_seed(struct run *run)
{
	uint8_t seed[RUN_FRAME_SEED];

	if (run->spare || !run_cap(run) || !run_publish(run))
		return; /* a spare clone gets its random seed when it gets an owner */
	if (gnutls_rnd(GNUTLS_RND_KEY, seed, sizeof(seed)) < 0) {
		run_stop(run, "failed");
		return;
	}
	run_frame_add(run, 'S', seed, sizeof(seed));
	run->link.sown = true;
	explicit_bzero(seed, sizeof(seed));
}

static void run_frame_output(struct run *run, struct buffer *to, const uint8_t *bytes, size_t count)
{
	size_t left = run_room(run);

	buffer_add(to, bytes, count < left ? count : left);
	if (count > left)
		run_stop(run, "out-of-output");
}

static uint64_t run_frame_number(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;

	for (size_t i = 0; i < count; i++)
		value |= (uint64_t)bytes[i] << 8 * i;
	return value;
}

/* Notes how the command ended, as the guest says. */
static void run_frame_ended(struct run *run, const uint8_t *bytes)
{
	bool by_signal = bytes[0] == 1, memory;

	run->code = bytes[1];
	/*
	 * If the kernel has killed the command that a shell ran, the shell exits with 128 plus the
	 * signal's number.
	 */
	memory = bytes[2] && run->code == RUN_FRAME_KILLED + (by_signal ? 0 : 128);
	run->guest_memory_bytes = (int64_t)run_frame_number(bytes + 4, 4) * 1024;
	run->guest_cpu_s =
		((double)run_frame_number(bytes + 8, 8) + (double)run_frame_number(bytes + 16, 8)) /
		1e6;
	run_stop(run, memory ? "out-of-memory" : by_signal ? "signal" : "exit");
}

/* Returns what the run asks for and its init does not know, or NULL. */
static const char *run_frame_lacks(const struct run *run)
{
	if (run->kind != RUN_ALONE && run->link.version < RUN_VERSION_STAYS)
		return "the template's init is too old for sandboxes: make the template anew";
	if (run->volume[0] && run->link.version < RUN_VERSION_VOLUME)
		return "the template's init is too old for a volume: make the template anew";
	if (run->rows && run->link.version < RUN_VERSION_TERMINAL)
		return "the template's init is too old for a terminal: make the template anew";
	if (run->wanted.count && run->link.version < RUN_VERSION_WANTED)
		return "the template's init is too old to hand out files: make the template anew";
	return NULL;
}

/* Tells an init that is sown what to run, or to stay. */
static void run_frame_command(struct run *run)
{
	const char *lack = run_frame_lacks(run);

	if (lack) {
		run->problem = problem_json(422, "bad-argument", lack, NULL);
		run_stop(run, "failed");
		return;
	}
	if (run->kind == RUN_SANDBOX) {
		run_frame_add(run, 'B', run->words.bytes, run->words.count);
		return;
	}
	run->state = RUN_UNDER_WAY;
	run->link.window = RUN_FRAME_WINDOW;
	buffer_add(&run->link.out, run->files.bytes, run->files.count);
	run_frame_add(run, 'C', run->words.bytes, run->words.count);
	if (run->signal)
		run_frame_signal(run, run->signal);
}

/* Returns the problem for the reason that the init gives when there is nothing to run. */
static json_t *run_frame_refused(const uint8_t *bytes, size_t count)
{
	static const char address[] = "no address", file[] = "no file", volume[] = "no volume";

	if (count == sizeof(address) - 1 && !memcmp(bytes, address, count))
		return problem_json(409, "failed",
				    "the run's network card was given no address by DHCP: its "
				    "network needs \"dhcp\" in its section, or a DHCP server that "
				    "the card may reach",
				    NULL);
	if (count == sizeof(volume) - 1 && !memcmp(bytes, volume, count))
		return problem_json(409, "failed",
				    "the run cannot mount the volume: it needs an ext4, which only "
				    "a run that may write mends after a machine was ended, or, to "
				    "be read only, a squashfs",
				    NULL);
	return problem_json(422, "bad-argument",
			    count == sizeof(file) - 1 && !memcmp(bytes, file, count)
				    ? "a file cannot be made at that path"
				    : "the image and the request name no command",
			    NULL);
}

/* Handles one frame before the command. Returns false when a true init would not have sent it. */
static bool run_frame_at_gate(struct run *run, char kind, const uint8_t *bytes, size_t count)
{
	if (kind == 'H' && !run->link.greeted && count == 1 && bytes[0] >= 1 &&
	    bytes[0] <= RUN_FRAME_VERSION) {
		run->link.greeted = true;
		run->link.version = bytes[0];
		if (run->kind == RUN_INSIDE)
			run_frame_command(run); /* its sandbox has been sown */
		else
			run_frame_seed(run);
		return true;
	}
	if (kind == 'B' && run->kind == RUN_SANDBOX && run->link.told && count == 0) {
		run->state = RUN_UNDER_WAY;
		return true;
	}
	if (kind == 'N' && run->kind == RUN_SANDBOX && run->link.told) {
		run_fail(run, run_frame_refused(bytes, count));
		return true;
	}
	if (kind != 'R' || !run->link.sown || run->link.told || count != 0)
		return false;
	run->link.told = true;
	run_frame_command(run);
	return true;
}

/* Handles one frame. Returns false when a true init would not have sent it. */
static bool run_frame_one(struct run *run, char kind, const uint8_t *bytes, size_t count)
{
	if (run->state == RUN_AT_GATE)
		return run_frame_at_gate(run, kind, bytes, count);
	if (run->kind == RUN_SANDBOX)
		return false; /* the first connection of a sandbox is quiet from here on */
	if (kind == 'O' || kind == 'E') {
		run_frame_output(run, kind == 'O' ? &run->out : &run->error, bytes, count);
	} else if (kind == 'T' && count == 4) {
		uint64_t taken = run_frame_number(bytes, 4);

		if (taken > RUN_FRAME_WINDOW - run->link.window)
			return false;
		run->link.window += (size_t)taken;
	} else if (kind == 'Q') {
		return run_put_done(run, bytes, count);
	} else if (kind == 'P') {
		return run_wanted_piece(run, bytes, count);
	} else if (kind == 'D') {
		return run_wanted_done(run, bytes, count);
	} else if (kind == 'X' && count == RUN_FRAME_END) {
		run_frame_ended(run, bytes);
	} else if (kind == 'N') {
		run_fail(run, run_frame_refused(bytes, count));
	} else {
		return false;
	}
	return true;
}

void run_frame_take(struct run *run, const uint8_t *bytes, size_t count)
{
	if (run->state != RUN_AT_GATE && run->state != RUN_UNDER_WAY)
		return;
	buffer_add(&run->link.in, bytes, count);
	while (run->link.in.count >= 4 &&
	       (run->state == RUN_AT_GATE || run->state == RUN_UNDER_WAY)) {
		const uint8_t *head = (const uint8_t *)run->link.in.bytes;
		size_t length = run_frame_number(head + 1, 3);

		if (length > RUN_FRAME_BYTES) {
			run_stop(run, "crash");
			return;
		}
		if (run->link.in.count < 4 + length)
			break;
		if (!run_frame_one(run, (char)head[0], head + 4, length)) {
			run_stop(run, "crash");
			return;
		}
		if (run->state == RUN_DONE)
			return; /* that was its end, and what has come is forgotten */
		buffer_take(&run->link.in, 4 + length);
	}
	run_frame_push(run);
}
