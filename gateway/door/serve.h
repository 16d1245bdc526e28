/* SPDX-License-Identifier: MIT */
#pragma once

struct rpc;

/* Carry out the procedures of the table in procedure.c, and answer each now or later. */
void connect_auth_list(struct rpc *call);
void connect_open(struct rpc *call);
void connect_close(struct rpc *call);
void connect_type(struct rpc *call);
void connect_version(struct rpc *call);
void connect_library_version(struct rpc *call);
void connect_hostname(struct rpc *call);
void connect_uri(struct rpc *call);
void connect_feature(struct rpc *call);
void connect_is_secure(struct rpc *call);
void connect_max_vcpus(struct rpc *call);

void node_info(struct rpc *call);
void node_free_memory(struct rpc *call);
void node_capabilities(struct rpc *call);

void node_memory_stats(struct rpc *call);

void list_count(struct rpc *call);
void list_ids(struct rpc *call);
void list_count_defined(struct rpc *call);
void list_names_defined(struct rpc *call);
void list_all(struct rpc *call);
void list_find(struct rpc *call);

void domain_info(struct rpc *call);
void domain_state(struct rpc *call);
void domain_os_type(struct rpc *call);
void domain_max_memory(struct rpc *call);
void domain_max_vcpus(struct rpc *call);
void domain_xml(struct rpc *call);
void domain_is_active(struct rpc *call);
/* These two functions serve the procedures whose result is the same for each VM. */
void domain_yes(struct rpc *call);
void domain_no(struct rpc *call);
void domain_control(struct rpc *call);
void domain_autostart(struct rpc *call);
void domain_set_autostart(struct rpc *call);

/*
 * The next functions serve several procedures each, and tell them apart by the procedure's number.
 */
void snapshot_show(struct rpc *call);
void snapshot_list(struct rpc *call);
void snapshot_revert(struct rpc *call);
void snapshot_drop(struct rpc *call);
void snapshot_create(struct rpc *call);

void stats_all(struct rpc *call);
void stats_memory(struct rpc *call);
void stats_block(struct rpc *call);

/*
 * Networks and storage pools: the next functions serve procedures of both, and tell them apart by
 * the procedure's name.
 */
void thing_all(struct rpc *call);
void thing_count(struct rpc *call);
void thing_names(struct rpc *call);
void thing_none(struct rpc *call);
void thing_lookup(struct rpc *call);
void thing_xml(struct rpc *call);
void thing_is_active(struct rpc *call);
void thing_yes(struct rpc *call);

void pool_info(struct rpc *call);
void pool_refresh(struct rpc *call);
void pool_start(struct rpc *call);

void volume_count(struct rpc *call);
void volume_names(struct rpc *call);
void volume_all(struct rpc *call);
void volume_find_name(struct rpc *call);
void volume_find_path(struct rpc *call);
void volume_info(struct rpc *call);
void volume_xml(struct rpc *call);
void volume_path(struct rpc *call);
void volume_delete(struct rpc *call);
void volume_create(struct rpc *call);

void action_create(struct rpc *call);
void action_create_flags(struct rpc *call);
void action_shutdown(struct rpc *call);
void action_destroy(struct rpc *call);
void action_suspend(struct rpc *call);
void action_resume(struct rpc *call);
void action_reboot(struct rpc *call);
void action_undefine(struct rpc *call);

void define_define(struct rpc *call);
void define_create(struct rpc *call);

void save_save(struct rpc *call);
void save_restore(struct rpc *call);
