/* SPDX-License-Identifier: MIT */
/* NMIs by the PIT's one-shot, and where they hit; interrupts that are unexpected or lost. */
#include "tests/faults/manager/fault.h"
#include "vmm/hw/pit.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/syscall.h"

static handle_t irq;

static enum status line_open(void)
{
	enum status status = STATUS_OK;

	if (irq == 0)
		status = machine_isa_irq(PIT_IRQ, IRQ_NMI, &irq);
	return status == STATUS_OK ? sys_irq_unmask(irq) : status;
}

static void command_nmi(struct reply *reply, const struct arguments *arguments)
{
	u64 count;

	if (!parse_u64(text_of(arguments->word[0]), &count) || count > UINT32_MAX)
		reply_error(reply, "say how many");
	else if (line_open() != STATUS_OK)
		reply_error(reply, "the timer's interrupt is not available");
	else
		fault_do(reply, TEST_NMI, count);
}

COMMAND(fault_nmi, .name = "fault nmi", .right = MAY_HOST, .arguments = "COUNT",
	.summary = "NMIs, each at another instant", .example = "fault nmi 1000",
	.run = command_nmi, .minimum = 1, .maximum = 1, .changes = true);

static void command_nmis(struct reply *reply, const struct arguments *arguments)
{
	u64 value = 0;

	(void)arguments;
	(void)!fault_test(TEST_NMI_COUNT, 0, &value);
	if (!reply->json) {
		reply_line(reply, "%u taken, %u to come", (u32)value, (u32)(value >> 32));
		return;
	}
	reply_object_begin(reply);
	json_u64(&reply->object, "taken", (u32)value);
	json_u64(&reply->object, "left", value >> 32);
	reply_object_end(reply);
}

COMMAND(fault_nmis, .name = "fault nmis", .right = MAY_HOST, .arguments = "",
	.summary = "how many NMIs there were and are to come", .example = "fault nmis",
	.keys = "taken left", .run = command_nmis);

static void show_hits(struct reply *reply, u64 offset, u64 hits)
{
	if (hits == 0)
		return;
	if (!reply->json) {
		reply_line(reply, "+%llx: %016llx", (unsigned long long)offset,
			   (unsigned long long)hits);
		return;
	}
	reply_object_begin(reply);
	json_u64(&reply->object, "offset", offset);
	json_u64(&reply->object, "low", (u32)hits);
	json_u64(&reply->object, "high", hits >> 32);
	reply_object_end(reply);
}

static void command_hits(struct reply *reply, const struct arguments *arguments)
{
	u64 first;
	u64 bytes;
	u64 hits;

	if (!parse_u64(text_of(arguments->word[0]), &first) ||
	    !parse_u64(text_of(arguments->word[1]), &bytes)) {
		reply_error(reply, "give an offset into the image and how many bytes");
		return;
	}
	for (u64 at = first & ~63ull; at < first + bytes; at += 64) {
		if (fault_test(TEST_NMI_HITS, at, &hits) == STATUS_OK)
			show_hits(reply, at, hits);
	}
}

COMMAND(fault_hits, .name = "fault hits", .right = MAY_HOST, .arguments = "OFFSET BYTES",
	.summary = "which bytes of the kernel's text NMIs have hit, a bit for each",
	.example = "fault hits 0x1000 256", .keys = "offset low high", .run = command_hits,
	.minimum = 2, .maximum = 2);

/* SYS_TEST with the number that the command gives. */
static void with_number(struct reply *reply, const struct arguments *arguments, enum test_what what)
{
	u64 number;

	if (!parse_u64(text_of(arguments->word[0]), &number) || number > 255)
		reply_error(reply, "give a number from 0 to 255");
	else
		fault_do(reply, what, number);
}

static void command_interrupt(struct reply *reply, const struct arguments *arguments)
{
	with_number(reply, arguments, TEST_INTERRUPT);
}

COMMAND(fault_interrupt, .name = "fault interrupt", .right = MAY_HOST, .arguments = "VECTOR",
	.summary = "an interrupt that comes from nowhere", .example = "fault interrupt 0x77",
	.run = command_interrupt, .minimum = 1, .maximum = 1, .changes = true);

static void command_deaf(struct reply *reply, const struct arguments *arguments)
{
	with_number(reply, arguments, TEST_LOSE_KICKS);
}

static void command_timer(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	fault_do(reply, TEST_LOSE_TIMER, 0);
}

COMMAND(fault_timer, .name = "fault timer", .right = MAY_HOST, .arguments = "",
	.summary = "the timer does not fire any more while a guest runs", .example = "fault timer",
	.run = command_timer, .changes = true);

COMMAND(fault_deaf, .name = "fault deaf", .right = MAY_HOST, .arguments = "APIC-ID",
	.summary = "interrupts between CPUs do not reach one of them any more",
	.example = "fault deaf 1", .run = command_deaf, .minimum = 1, .maximum = 1,
	.changes = true);
