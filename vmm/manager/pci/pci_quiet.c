/* SPDX-License-Identifier: MIT */
/*
 * Makes a function quiet whose driver is gone: first its DMA ends, then it is reset. Called by
 * driver/device.c, the disk controllers and `pci`. Keeps its progress in the function.
 */
#include "vmm/manager/pci/pci.h"
#include "vmm/rt/clock.h"

/*
 * the time limits of the steps of a reset (PCI Express 6.6.2), and the interval at which the
 * function is looked at
 */
#define PENDING_NS (100 * NS_PER_MS)
#define RESET_NS   (100 * NS_PER_MS)
#define RETURN_NS  (NS_PER_S)
#define LOOK_NS	   (5 * NS_PER_MS)

enum quieting { QUIET_NOT, QUIET_PENDING, QUIET_RESET, QUIET_RETURN };

/* Returns the capability by which the function can be reset alone, or 0. */
static u32 pci_reset_capability(const struct pci_function *function, bool *express)
{
	u32 at = pci_capability(function, PCI_CAP_EXPRESS);

	*express = at != 0 &&
		   (pci_read(function->address, at + PCI_EXPRESS_DEVICE, 4) & PCI_EXPRESS_FLR) != 0;
	if (*express)
		return at;
	at = pci_capability(function, PCI_CAP_AF);
	return at != 0 && (pci_read(function->address, at + PCI_AF_CAPABILITIES, 1) &
			   PCI_AF_HAS_FLR) == PCI_AF_HAS_FLR
		       ? at
		       : 0;
}

bool pci_can_reset(const struct pci_function *function)
{
	bool express;

	return pci_reset_capability(function, &express) != 0;
}

static bool pci_is_pending(const struct pci_function *function)
{
	bool express;
	u32 at = pci_reset_capability(function, &express);

	return (express ? pci_read(function->address, at + PCI_EXPRESS_STATUS, 2) &
				  PCI_EXPRESS_PENDING
			: pci_read(function->address, at + PCI_AF_STATUS, 1) & PCI_AF_PENDING) != 0;
}

static void pci_reset(const struct pci_function *function)
{
	struct pci_address address = function->address;
	bool express;
	u32 at = pci_reset_capability(function, &express);

	if (express)
		pci_write(address, at + PCI_EXPRESS_CONTROL, 2,
			  pci_read(address, at + PCI_EXPRESS_CONTROL, 2) |
				  (u32)PCI_EXPRESS_CONTROL_FLR);
	else
		pci_write(address, at + PCI_AF_CONTROL, 1, (u32)PCI_AF_FLR);
}

static void pci_save(struct pci_function *function)
{
	for (u32 i = 0; i < PCI_BARS; i++)
		function->saved[i] = pci_read(function->address, PCI_BAR + 4 * i, 4);
}

static void pci_restore(const struct pci_function *function)
{
	for (u32 i = 0; i < PCI_BARS; i++)
		pci_write(function->address, PCI_BAR + 4 * i, 4, function->saved[i]);
	pci_write(function->address, PCI_INTERRUPT_LINE, 1, function->interrupt_line);
}

static enum status pci_wait(struct pci_function *function, enum quieting step, u64 ns)
{
	function->quieting = (u8)step;
	function->quiet_limit_tsc = clock_tsc() + clock_ns_to_tsc(ns);
	return STATUS_AGAIN;
}

static enum status pci_give_up(struct pci_function *function, const char **problem, const char *why)
{
	function->quieting = QUIET_NOT;
	*problem = why;
	return STATUS_BAD_STATE;
}

/*
 * Ends a function's DMA and interrupt messages. The answer to a read does not overtake earlier
 * writes of the function (PCI Express 2.4.1): once bus mastering reads as off, all its writes have
 * arrived.
 */
static enum status pci_begin(struct pci_function *function, const char **problem)
{
	u32 command = pci_read(function->address, PCI_COMMAND, 2);

	if (!pci_answers(function))
		return pci_give_up(function, problem, "it does not answer any more");
	pci_write(function->address, PCI_COMMAND, 2, command & ~(u32)PCI_COMMAND_BUS_MASTER);
	pci_messages_off(function);
	if (pci_has_dma(function))
		return pci_give_up(function, problem, "its bus mastering cannot be switched off");
	if (!pci_can_reset(function))
		return STATUS_OK;
	pci_save(function);
	return pci_wait(function, QUIET_PENDING, PENDING_NS);
}

static enum status pci_look_for_return(struct pci_function *function, bool late,
				       const char **problem)
{
	if (!pci_answers(function))
		return late ? pci_give_up(function, problem, "it does not return from its reset")
			    : STATUS_AGAIN;
	pci_restore(function);
	function->quieting = QUIET_NOT;
	if (pci_has_dma(function))
		return pci_give_up(function, problem, "its bus mastering is on after its reset");
	return STATUS_OK;
}

static enum status pci_quiet_step_one(struct pci_function *function, const char **problem)
{
	bool late = clock_tsc() >= function->quiet_limit_tsc;

	switch ((enum quieting)function->quieting) {
	case QUIET_NOT:
		return pci_begin(function, problem);
	case QUIET_PENDING:
		if (pci_is_pending(function) && !late)
			return STATUS_AGAIN;
		pci_reset(function);
		return pci_wait(function, QUIET_RESET, RESET_NS);
	case QUIET_RESET:
		return late ? pci_wait(function, QUIET_RETURN, RETURN_NS) : STATUS_AGAIN;
	default:
		return pci_look_for_return(function, late, problem);
	}
}

enum status pci_quiet(struct pci_function *function, const char **problem)
{
	enum status status = pci_quiet_step_one(function, problem);
	u64 next = clock_tsc() + clock_ns_to_tsc(LOOK_NS);

	function->quiet_deadline_tsc = MIN(next, function->quiet_limit_tsc);
	return status;
}
