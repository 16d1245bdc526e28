/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/* The handlers that the table of routes names; each answers, now or later. */
void api_root(struct request *request);
void api_health(struct request *request);
void api_openapi(struct request *request);
void api_me(struct request *request);
void api_me_password(struct request *request);
void api_login(struct request *request);
void api_logout(struct request *request);
void api_metrics(struct request *request);
void api_host(struct request *request);
void api_host_audit(struct request *request);
void api_host_log_rotate(struct request *request);
void api_disk_restore(struct request *request);
void api_host_reboot(struct request *request);
void api_host_poweroff(struct request *request);
void api_vms(struct request *request);
void api_vm(struct request *request);
void api_vm_create(struct request *request);
void api_vm_change(struct request *request);
void api_vm_destroy(struct request *request);
void api_vm_action(struct request *request);
void api_vm_digest(struct request *request);
void api_vm_exits(struct request *request);
void api_vm_save(struct request *request);
void api_vm_restore(struct request *request);
void api_disks(struct request *request);
void api_nets(struct request *request);
void api_backups(struct request *request);
void api_backup_begin(struct request *request);
void api_backup_cancel(struct request *request);
void api_balloon(struct request *request);
void api_balloon_aim(struct request *request);
void api_vm_inspect(struct request *request);
void api_snapshots(struct request *request);
void api_snapshot_take(struct request *request);
void api_snapshot_drop(struct request *request);
void api_snapshot_clone(struct request *request);
void api_runs(struct request *request);
void api_run_begin(struct request *request);
void api_run(struct request *request);
void api_run_stop(struct request *request);
void api_log(struct request *request);
void api_audit(struct request *request);
void api_tokens(struct request *request);
void api_token_make(struct request *request);
void api_token_remove(struct request *request);
void api_users(struct request *request);
void api_user_make(struct request *request);
void api_user_change(struct request *request);
void api_user_remove(struct request *request);
