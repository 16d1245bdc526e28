/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/core/http/request.h"

/*
 * Templates: VMs with the snapshot TEMPLATE_GATE, at which their init (iso/init) is at its gate
 * and runs begin. How many are made or dropped at a time is bounded.
 */
#define TEMPLATE_GATE "gate"

enum { TEMPLATES = 8 };

/*
 * Makes a template of a VM: starts it, waits until its init is at the gate, takes the snapshot, and
 * pauses the VM. A VM that has the snapshot is a template already.
 */
void template_make(struct request *request);
void template_tick(void);
void template_link_lost(void);
/* Returns the name of the template that is being made at a place below TEMPLATES, or NULL. */
const char *template_made_at(size_t place);
bool template_is_made(const char *name);
/*
 * Gives up a template that is made or dropped for the request with the number *id, which is set to
 * 0: clones of a dropped one wait at the gate again. Answers the request if its client still waits;
 * takes over the problem.
 */
void template_fail(uint32_t *id, json_t *problem);
/* Returns the row of TEMPLATE_GATE in Skerry's reply with snapshots of a VM, or NULL. */
json_t *template_gate_row(json_t *reply);

/*
 * What uses a template: runs and sandboxes that wait or have a VM, and clones that wait at the
 * gate.
 */
struct template_use {
	size_t runs, sandboxes, spares;
};
struct template_use template_use(const char *name);

/*
 * Functions of template_drop.c: template_drop() ends clones of a template that wait at the gate,
 * and then its VM, with all that it had. It refuses, in words, what runs or clones are there for.
 */
void template_drop(struct request *request);
void template_drop_tick(void);
void template_drop_link_lost(void);
/* Returns whether the template is being dropped: no clone is made to wait at its gate then. */
bool template_is_dropped(const char *name);
/*
 * Returns whether the request's VM is neither being made a template nor dropped. If it is, answers
 * the request.
 */
bool template_is_free(struct request *request);
