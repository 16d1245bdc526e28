/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/web/redfish/redfish.h"

/* The table of all resources and their methods. */
extern const struct redfish_row redfish_rows[];
extern const size_t redfish_row_count;

/* The functions that the table names; struct redfish_row defines the task of each. */
void redfish_service_versions(struct redfish *redfish, json_t *answer);
void redfish_service_root(struct redfish *redfish, json_t *answer);
void redfish_service_odata(struct redfish *redfish, json_t *answer);
void redfish_service_metadata(struct redfish *redfish, json_t *answer);
void redfish_service_sessions(struct redfish *redfish, json_t *answer);
void redfish_service_tasks(struct redfish *redfish, json_t *answer);
void redfish_service_missing(struct redfish *redfish, json_t *answer);

void redfish_system_list(struct redfish *redfish, json_t *answer);
void redfish_system_show(struct redfish *redfish, json_t *answer);
bool redfish_boot_check(struct redfish *redfish);
void redfish_boot_change(struct redfish *redfish, json_t *answer);
bool redfish_power_check(struct redfish *redfish);
void redfish_power_reset(struct redfish *redfish, json_t *answer);

void redfish_manager_list(struct redfish *redfish, json_t *answer);
void redfish_manager_host(struct redfish *redfish, json_t *answer);
void redfish_manager_vm(struct redfish *redfish, json_t *answer);
void redfish_chassis_list(struct redfish *redfish, json_t *answer);
void redfish_chassis_host(struct redfish *redfish, json_t *answer);
void redfish_media_list(struct redfish *redfish, json_t *answer);
void redfish_media_show(struct redfish *redfish, json_t *answer);
bool redfish_media_check_insert(struct redfish *redfish);
void redfish_media_insert(struct redfish *redfish, json_t *answer);
bool redfish_media_check_eject(struct redfish *redfish);
void redfish_media_eject(struct redfish *redfish, json_t *answer);

bool redfish_session_check(struct redfish *redfish);
void redfish_session_made(struct redfish *redfish, json_t *answer);
void redfish_session_list(struct redfish *redfish, json_t *answer);
void redfish_session_show(struct redfish *redfish, json_t *answer);
void redfish_session_ended(struct redfish *redfish, json_t *answer);

void redfish_account_service(struct redfish *redfish, json_t *answer);
void redfish_account_list(struct redfish *redfish, json_t *answer);
void redfish_account_show(struct redfish *redfish, json_t *answer);
void redfish_account_roles(struct redfish *redfish, json_t *answer);
void redfish_account_role(struct redfish *redfish, json_t *answer);

void redfish_task_list(struct redfish *redfish, json_t *answer);
void redfish_task_show(struct redfish *redfish, json_t *answer);
void redfish_task_monitor(struct redfish *redfish, json_t *answer);
/* Answers that the action has not ended yet, and names its task, the operation in core's answer. */
void redfish_task_began(struct redfish *redfish, json_t *operation);
