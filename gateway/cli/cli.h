/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "gateway/cli/http.h"

/* The codes with which skerryctl ends; its manual page lists them as well. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the server refused for a reason that has no code of its own */
	CLI_USAGE = 2,
	CLI_NOT_FOUND = 3,
	CLI_NO_ACCESS = 4, /* there is no token, or a wrong one, or one without the right */
	/*
	 * the VM or other thing that the command names is in the wrong state, exists already, is
	 * busy, or was changed by another client meanwhile
	 */
	CLI_CONFLICT = 5,
	CLI_NOT_REACHED = 6, /* there is no skerryd, or skerryd has no link to Skerry */
	CLI_NOT_TRUSTED = 7, /* the server's certificate is not the known one */
};

/* The options of the command line, and the connection. */
struct cli {
	const char *host;   /* the server's URL, or NULL */
	const char *socket; /* path of the Unix socket, or NULL */
	const char *token_file;
	const char *fingerprint; /* the only certificate fingerprint to accept, or NULL */
	bool json;
	bool follow;
	bool read_only;
	bool take;
	bool force;
	bool yes; /* --yes: commands are carried out without asking for confirmation */
	/* of `vm reset`: the snapshot to go back to; NULL: the VM begins from power-on */
	const char *to;
	bool overwrite;	     /* vm save, vm backup: overwrite a disk that holds something else */
	bool goes_on;	     /* vm save: leave the VM running; volume upload: continue an upload */
	const char *user;    /* login: the user who has a password; run: UID:GID */
	const char *profile; /* report: the profile whose rules are applied */
	const char *html, *verify; /* report: the file that it writes, or verifies */
	/* the options of `create` */
	const char *image, *cloud_init, *net, *size, *store;
	const char *level;
	const char *vm;
	const char *limit;
	const char *since;
	const char *hours;
	const char *scope;
	const char *expires;
	const char *ssh_options[8]; /* ssh: the options that ssh gets by -o */
	int ssh_option_count;
	const char *roles[8];
	int role_count;
	/* run: do not wait for the command's end */
	bool detach;
	const char *timeout, *directory;
	const char *egress; /* run: the list of allowed destinations; NULL: the template's */
	const char *cpus, *memory;
	bool interactive; /* run: stdin is sent to the command as it comes */
	bool terminal;	  /* run: the command gets a terminal, which this terminal shows */
	const char *warm; /* template: the number of clones that wait for runs */
	const char *files[8];
	int file_count;
	const char *outputs[8]; /* run: PATH=LOCAL, or PATH */
	int output_count;
	const char *volume;   /* run: STORE/VOLUME:/PATH[:ro], which is mounted; NULL: none */
	const char *ports[8]; /* run: [HOSTPORT:]GUESTPORT, which are published */
	int port_count;
	const char *environment[32];
	int environment_count;
	struct http http;
};

/*
 * Connects to skerryd, with the token if there is one. Ends the program when no connection is
 * possible.
 */
void cli_connect(struct cli *cli);

/*
 * Connects as cli_connect does, but returns an exit code on failure; the sentence for the user is
 * in cli->http.net.error.
 */
enum cli_exit cli_try_connect(struct cli *cli);

/*
 * Writes the path at which `login` keeps the token of this host. Returns false if there is no place
 * for such a file.
 */
bool cli_token_path(const struct cli *cli, char *path, size_t size);

/*
 * Sends skerryd a request. Any answer that is not 2xx is an error: its problem is written to
 * stderr.
 */
enum cli_exit cli_ask(struct cli *cli, const char *method, const char *path, const json_t *body,
		      const char *headers, struct http_answer *answer);

/*
 * Sends skerryd a request that changes `about` (a VM or the like), as cli_ask does, and waits until
 * the operation that it begins has ended. The answer's JSON is then that operation; the caller
 * frees it.
 */
enum cli_exit cli_change(struct cli *cli, const char *method, const char *path, const char *headers,
			 const json_t *body, const char *about, const char *verb,
			 struct http_answer *answer);

/*
 * Writes the answer's problem document to stderr and returns the exit code that goes with it;
 * `about` (a VM's name) may be NULL.
 */
enum cli_exit cli_problem(const struct http_answer *answer, const char *about);

/* Reads one line from stdin; at a terminal it asks for the line, and the line is not shown. */
bool cli_read_secret(const char *prompt, char *line, size_t size);
/*
 * Reads a new password, at a terminal twice. Ends the program when the two differ or there is none.
 */
void cli_read_new_password(char *line, size_t size);

/*
 * Asks at a terminal "WHAT ABOUT? SO [y/N]", made of the arguments, and returns whether the answer
 * is yes. Without a terminal, and with --yes, it returns true.
 */
bool cli_confirm(const struct cli *cli, const char *what, const char *about, const char *so);

/*
 * Returns {KEY:VALUE} of words KEY=VALUE; with `patch`, KEY= sets a key back to its default. Ends
 * the program if a word is no setting.
 */
json_t *vm_config_of(int count, char **words, bool patch);

/* Returns {"roles":[...],"scope":...}, with only the members that were given as options. */
json_t *cli_grant(const struct cli *cli);
/* Ends the program when no role is given for `command`. */
void cli_need_role(const struct cli *cli, const char *command);

/* Sets whether cli_say is silent. */
void cli_quiet(bool quiet);
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void cli_die(enum cli_exit code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* --- commands: each gets the words that follow its name, and returns the exit code --- */

enum cli_exit command_create(struct cli *cli, int count, char **words);
enum cli_exit command_vm(struct cli *cli, int count, char **words);
/* This and the following commands are named by two words, such as `vm snapshot`. */
enum cli_exit command_vm_snapshot(struct cli *cli, int count, char **words);
enum cli_exit command_vm_clone(struct cli *cli, int count, char **words);
enum cli_exit command_vm_backup(struct cli *cli, int count, char **words);
enum cli_exit command_vm_save(struct cli *cli, int count, char **words);
enum cli_exit command_vm_restore(struct cli *cli, int count, char **words);
enum cli_exit command_vm_balloon(struct cli *cli, int count, char **words);
enum cli_exit command_vm_eject(struct cli *cli, int count, char **words);
enum cli_exit command_vm_insert(struct cli *cli, int count, char **words);
enum cli_exit command_vm_digest(struct cli *cli, int count, char **words);
enum cli_exit command_vm_inspect(struct cli *cli, int count, char **words);
enum cli_exit command_console(struct cli *cli, int count, char **words);
enum cli_exit command_connect(struct cli *cli, int count, char **words);
enum cli_exit command_agent(struct cli *cli, int count, char **words);
enum cli_exit command_ssh(struct cli *cli, int count, char **words);
enum cli_exit command_events(struct cli *cli, int count, char **words);
enum cli_exit command_alert(struct cli *cli, int count, char **words);
enum cli_exit command_history(struct cli *cli, int count, char **words);
enum cli_exit command_forecast(struct cli *cli, int count, char **words);
enum cli_exit command_log(struct cli *cli, int count, char **words);
enum cli_exit command_audit(struct cli *cli, int count, char **words);
enum cli_exit command_report(struct cli *cli, int count, char **words);
enum cli_exit command_host(struct cli *cli, int count, char **words);
enum cli_exit command_token(struct cli *cli, int count, char **words);
enum cli_exit command_login(struct cli *cli, int count, char **words);
enum cli_exit command_logout(struct cli *cli, int count, char **words);
enum cli_exit command_file(struct cli *cli, int count, char **words);
enum cli_exit command_net(struct cli *cli, int count, char **words);
enum cli_exit command_disk(struct cli *cli, int count, char **words);
enum cli_exit command_store(struct cli *cli, int count, char **words);
enum cli_exit command_upload(struct cli *cli, int count, char **words);
enum cli_exit command_download(struct cli *cli, int count, char **words);
enum cli_exit command_volume(struct cli *cli, int count, char **words);
enum cli_exit command_disk_restore(struct cli *cli, int count, char **words);
enum cli_exit command_user(struct cli *cli, int count, char **words);
enum cli_exit command_run(struct cli *cli, int count, char **words);
enum cli_exit command_ps(struct cli *cli, int count, char **words);
enum cli_exit command_logs(struct cli *cli, int count, char **words);
enum cli_exit command_cp(struct cli *cli, int count, char **words);
enum cli_exit command_stop(struct cli *cli, int count, char **words);
enum cli_exit command_template(struct cli *cli, int count, char **words);
enum cli_exit command_password(struct cli *cli, int count, char **words);
