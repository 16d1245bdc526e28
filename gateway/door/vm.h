/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/base/buffer.h"
#include "gateway/door/uuid.h"

/* What core says of a VM, as libvirt's clients want to hear it. */
enum vm_state { VM_RUNNING = 1, VM_PAUSED = 3, VM_SHUTOFF = 5, VM_CRASHED = 6 };

enum vm_state vm_state(json_t *vm);
/* Returns the number by which libvirt says why the VM is in its state; 0: nobody knows. */
uint32_t vm_reason(json_t *vm);
bool vm_active(json_t *vm);
const char *vm_name(json_t *vm);
void vm_uuid(json_t *vm, uint8_t uuid[UUID_BYTES]);
/* Returns the VM's number while it runs, which each start makes anew; -1: it does not run. */
int32_t vm_id(json_t *vm);
/* Returns the number of a VM that was asked for before; -1: it was not, or did not run. */
int32_t vm_known_id(const uint8_t uuid[UUID_BYTES]);
int64_t vm_number(json_t *vm, const char *key);
/* Returns what CONFIGURATION has for a key, as text, or "" when it is not there. */
const char *vm_key(json_t *vm, const char *key);
bool vm_autostart(json_t *vm);
/* Returns whether the VM has a disk that XML calls so: by its target, or by its source. */
bool vm_has_disk(json_t *vm, const char *name);
/* Writes the VM as procedures take and give it. */
void vm_write(struct buffer *results, json_t *vm);
/* Adds the VM's description in XML. */
void vm_xml(struct buffer *text, json_t *vm);
