/* SPDX-License-Identifier: MIT */
/* skerryctl: manages a host of Skerry from a terminal or a script, through skerryd. */
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/websocket.h"

static const char usage[] =
	"skerryctl [OPTION...] COMMAND\n"
	"  create NAME --image FILE|STORE/VOLUME [--cloud-init FILE] [--net NET] [--size SIZE]\n"
	"     [--store STORE] [KEY=VALUE...]\n"
	"  vm list | show NAME | start|stop|kill|pause|resume|reset|renew|trim|destroy NAME...\n"
	"  vm create NAME KEY=VALUE... | set NAME KEY=VALUE...\n"
	"     KEY: kernel initrd cmdline memory vcpus disk net weight cap reserve autostart\n"
	"     on_crash and others; `vm show NAME` shows all that a machine has\n"
	"  vm snapshot NAME SNAP | list NAME | drop NAME SNAP\n"
	"  vm clone NAME@SNAP NEW [net=NAME...] | reset NAME --to SNAP\n"
	"  vm save NAME DISK [--overwrite] [--continue] | restore NAME DISK\n"
	"  vm backup NAME full|diff DISK=TARGET... [state=TARGET] [--overwrite]\n"
	"            | list NAME | now NAME | cancel NAME\n"
	"  vm balloon NAME [SIZE] | inspect NAME [PATH] | digest NAME\n"
	"  vm eject NAME [DISK] | insert NAME [DISK] [medium=DISK|STORE/VOLUME]\n"
	"  disk list\n"
	"  disk restore DISK FULL [DIFF...], disk restore STORE/VOLUME [at=MOMENT]\n"
	"  store list | quota STORE [QUOTAS] | grow STORE | scrub STORE | take STORE\n"
	"            | format STORE [--overwrite]\n"
	"  volume list [STORE] | stat STORE/VOLUME | create STORE/VOLUME SIZE [from=VOLUME]\n"
	"  volume upload FILE STORE/VOLUME [SIZE] [--continue] | download STORE/VOLUME FILE\n"
	"  volume clone|snapshot STORE/VOLUME NEW | resize STORE/VOLUME SIZE\n"
	"  volume rename STORE/VOLUME NAME | rollback STORE/VOLUME SNAPSHOT | drop STORE/VOLUME\n"
	"  volume export|import STORE/VOLUME DISK | copy list|cancel\n"
	"  volume rekey STORE/VOLUME KEY | rekey list | rekey cancel STORE/VOLUME\n"
	"  net list\n"
	"  run TEMPLATE [--env NAME=TEXT]... [--file FILE:PATH]... [--output PATH=LOCAL]...\n"
	"      [--timeout SECONDS] [--user UID:GID] [--workdir DIR] [--egress LIST]\n"
	"      [--publish [HOSTPORT:]PORT]... [--volume STORE/VOLUME:/PATH[:ro]]\n"
	"      [--cpus N] [--memory SIZE] [--detach|--interactive|--terminal] -- "
	"COMMAND...\n"
	"                            in a machine of its own, with this input and output\n"
	"  ps | logs ID [--follow] | cp ID:/PATH FILE | cp FILE ID:/PATH | stop ID\n"
	"                            what runs and has run; its output; a file of it, or into "
	"it;\n"
	"                            ends it\n"
	"  template create NAME [image=DISK] [net=NET] [KEY=VALUE...] [--warm N]\n"
	"                            boots a machine to where runs begin as copies of it; with "
	"image=\n"
	"                            one that is made for it\n"
	"  template list | drop NAME...\n"
	"  template NAME --warm N    keeps N copies there, for runs to come\n"
	"  console NAME              the machine's console; Ctrl-] leaves\n"
	"  connect NAME PORT         stdin and stdout to a program in the guest, by its socket "
	"device\n"
	"  ssh [USER@]NAME [-- COMMAND...]\n"
	"                            ssh to the guest's port 22, without a network\n"
	"  agent NAME ping|info|osinfo|users|addresses|set-time|freeze|thaw|frozen\n"
	"  agent NAME exec PROGRAM [WORD...] | file-read PATH | file-write PATH\n"
	"                            QEMU's guest agent in the guest; -- before a PROGRAM with "
	"options\n"
	"  history [VM] [--hours N]  what a machine, or the host, did in the last day or N hours;\n"
	"                            also of disk/NAME, net/NAME, store/NAME\n"
	"  forecast [VM|store/NAME]  when memory, a store or a share of CPUs will be used up\n"
	"  alert list | create NAME WHAT SERIES above|below N [clear=N] [hold=SECONDS]\n"
	"      [severity=S] [url=URL] [mail=ADDRESS] | preview WHAT SERIES above|below N ... "
	"[--hours N] | drop "
	"NAME\n"
	"                            rules on vm/, disk/, net/ and store/NAME, host; what fires\n"
	"  events [--follow]         what happened, and what happens\n"
	"  report [--profile hardened] [FILE | --html FILE]\n"
	"  report --verify FILE      what an auditor reads of the host, signed; that it is as "
	"signed\n"
	"  log, audit, host          lines of the log, of the audit; the host\n"
	"  host audit|log-rotate|reboot|poweroff\n"
	"  token list | create NAME --role ROLE... [--scope GLOB] [--expires SECONDS] | revoke ID\n"
	"  user list | create NAME --role ROLE... [--scope GLOB] | set NAME ... | remove NAME\n"
	"  user password NAME        asks for a new one\n"
	"  login [--user NAME]       asks for a token, or a password, and keeps what it gets\n"
	"  logout, password          ends that login; changes one's own password\n"
	"Options:\n"
	"  --host URL, --socket PATH which skerryd (SKERRY_HOST; /run/skerryd/skerryd.sock)\n"
	"  --token-file FILE         a token (SKERRY_TOKEN; what login has kept)\n"
	"  --fingerprint HEX         the certificate to trust where nobody can be asked\n"
	"  --json                    what the server says, as JSON\n"
	"  --read-only, --take       console: look, do not type; be the one who types\n"
	"  --force                   also the machine in which skerryd runs\n"
	"  --yes                     destroy, drop, rollback, format, reboot, poweroff: do not "
	"ask\n"
	"                            at a terminal\n"
	"  --overwrite               vm save, vm backup, store format: also a disk that holds\n"
	"                            something else; volume download: also a file that is there\n"
	"  --continue                vm save: the machine goes on; volume upload: where an "
	"earlier\n"
	"                            one was cut off\n"
	"  --ssh-option OPTION       ssh: what ssh takes behind -o; may be given eight times\n"
	"  --level L, --vm NAME, --limit N, --since SEQUENCE\n"
	"  --help, --version\n";

enum {
	OPT_HOST = 256,
	OPT_SOCKET,
	OPT_JSON,
	OPT_TO,
	OPT_TOKEN,
	OPT_FINGERPRINT,
	OPT_FOLLOW,
	OPT_READ_ONLY,
	OPT_TAKE,
	OPT_FORCE,
	OPT_YES,
	OPT_LEVEL,
	OPT_VM,
	OPT_LIMIT,
	OPT_SINCE,
	OPT_HOURS,
	OPT_SCOPE,
	OPT_EXPIRES,
	OPT_ROLE,
	OPT_USER,
	OPT_OVERWRITE,
	OPT_SSH,
	OPT_CONTINUE,
	OPT_ENV,
	OPT_TIMEOUT,
	OPT_WORKDIR,
	OPT_EGRESS,
	OPT_VOLUME,
	OPT_WARM,
	OPT_FILE,
	OPT_IMAGE,
	OPT_CLOUD_INIT,
	OPT_NET,
	OPT_SIZE,
	OPT_STORE,
	OPT_OUTPUT,
	OPT_CPUS,
	OPT_MEMORY,
	OPT_PROFILE,
	OPT_HTML,
	OPT_VERIFY,
	OPT_HELP,
	OPT_VERSION
};

static const struct option options[] = {
	{"host", required_argument, NULL, OPT_HOST},
	{"profile", required_argument, NULL, OPT_PROFILE},
	{"html", required_argument, NULL, OPT_HTML},
	{"verify", required_argument, NULL, OPT_VERIFY},
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"json", no_argument, NULL, OPT_JSON},
	{"token-file", required_argument, NULL, OPT_TOKEN},
	{"fingerprint", required_argument, NULL, OPT_FINGERPRINT},
	{"follow", no_argument, NULL, OPT_FOLLOW},
	{"read-only", no_argument, NULL, OPT_READ_ONLY},
	{"take", no_argument, NULL, OPT_TAKE},
	{"force", no_argument, NULL, OPT_FORCE},
	{"yes", no_argument, NULL, OPT_YES},
	{"to", required_argument, NULL, OPT_TO},
	{"level", required_argument, NULL, OPT_LEVEL},
	{"vm", required_argument, NULL, OPT_VM},
	{"limit", required_argument, NULL, OPT_LIMIT},
	{"since", required_argument, NULL, OPT_SINCE},
	{"hours", required_argument, NULL, OPT_HOURS},
	{"scope", required_argument, NULL, OPT_SCOPE},
	{"expires", required_argument, NULL, OPT_EXPIRES},
	{"role", required_argument, NULL, OPT_ROLE},
	{"user", required_argument, NULL, OPT_USER},
	{"ssh-option", required_argument, NULL, OPT_SSH},
	{"overwrite", no_argument, NULL, OPT_OVERWRITE},
	{"continue", no_argument, NULL, OPT_CONTINUE},
	{"env", required_argument, NULL, OPT_ENV},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"workdir", required_argument, NULL, OPT_WORKDIR},
	{"egress", required_argument, NULL, OPT_EGRESS},
	{"volume", required_argument, NULL, OPT_VOLUME},
	{"publish", required_argument, NULL, 'p'},
	{"warm", required_argument, NULL, OPT_WARM},
	{"file", required_argument, NULL, OPT_FILE},
	{"image", required_argument, NULL, OPT_IMAGE},
	{"cloud-init", required_argument, NULL, OPT_CLOUD_INIT},
	{"net", required_argument, NULL, OPT_NET},
	{"size", required_argument, NULL, OPT_SIZE},
	{"store", required_argument, NULL, OPT_STORE},
	{"output", required_argument, NULL, OPT_OUTPUT},
	{"cpus", required_argument, NULL, OPT_CPUS},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"detach", no_argument, NULL, 'd'},
	{"interactive", no_argument, NULL, 'i'},
	{"terminal", no_argument, NULL, 't'},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

static const struct {
	const char *name;
	enum cli_exit (*run)(struct cli *cli, int count, char **words);
} commands[] = {
	{"create", command_create},
	{"vm", command_vm},
	{"console", command_console},
	{"events", command_events},
	{"history", command_history},
	{"forecast", command_forecast},
	{"log", command_log},
	{"audit", command_audit},
	{"host", command_host},
	{"token", command_token},
	{"user", command_user},
	{"login", command_login},
	{"logout", command_logout},
	{"password", command_password},
	{"disk", command_disk},
	{"store", command_store},
	{"volume", command_volume},
	{"file", command_file},
	{"net", command_net},
	{"run", command_run},
	{"ps", command_ps},
	{"logs", command_logs},
	{"cp", command_cp},
	{"stop", command_stop},
	{"template", command_template},
	{"connect", command_connect},
	{"ssh", command_ssh},
	{"agent", command_agent},
	{"report", command_report},
	{"alert", command_alert},
};

static void main_take_role(struct cli *cli, const char *role)
{
	if (cli->role_count == (int)(ARRAY_COUNT(cli->roles)))
		cli_die(CLI_USAGE, "give --role eight times at most");
	cli->roles[cli->role_count++] = role;
}

static void main_take_variable(struct cli *cli, const char *variable)
{
	if (cli->environment_count == (int)(ARRAY_COUNT(cli->environment)))
		cli_die(CLI_USAGE, "give --env 32 times at most");
	cli->environment[cli->environment_count++] = variable;
}

static void main_take_file(struct cli *cli, const char *file)
{
	if (cli->file_count == (int)(ARRAY_COUNT(cli->files)))
		cli_die(CLI_USAGE, "give --file eight times at most");
	cli->files[cli->file_count++] = file;
}

static void main_take_output(struct cli *cli, const char *output)
{
	if (cli->output_count == (int)(ARRAY_COUNT(cli->outputs)))
		cli_die(CLI_USAGE, "give --output eight times at most");
	cli->outputs[cli->output_count++] = output;
}

static void main_take_port(struct cli *cli, const char *port)
{
	if (cli->port_count == (int)(ARRAY_COUNT(cli->ports)))
		cli_die(CLI_USAGE, "give --publish eight times at most");
	cli->ports[cli->port_count++] = port;
}

static void main_take_ssh_option(struct cli *cli, const char *text)
{
	if (cli->ssh_option_count == (int)(ARRAY_COUNT(cli->ssh_options)))
		cli_die(CLI_USAGE, "give --ssh-option eight times at most");
	cli->ssh_options[cli->ssh_option_count++] = text;
}

static void main_take_option(struct cli *cli, int option)
{
	switch (option) {
	/* clang-format off */
	case OPT_HOST:		cli->host = optarg; break;
	case OPT_SOCKET:	cli->socket = optarg; break;
	case OPT_JSON:		cli->json = true; break;
	case OPT_TOKEN:		cli->token_file = optarg; break;
	case OPT_FINGERPRINT:	cli->fingerprint = optarg; break;
	case 'f':
	case OPT_FOLLOW:	cli->follow = true; break;
	case OPT_READ_ONLY:	cli->read_only = true; break;
	case OPT_TAKE:		cli->take = true; break;
	case OPT_FORCE:		cli->force = true; break;
	case OPT_YES:		cli->yes = true; break;
	case OPT_TO:		cli->to = optarg; break;
	case OPT_LEVEL:		cli->level = optarg; break;
	case OPT_VM:		cli->vm = optarg; break;
	case OPT_LIMIT:		cli->limit = optarg; break;
	case OPT_SINCE:		cli->since = optarg; break;
	case OPT_HOURS:		cli->hours = optarg; break;
	case OPT_SCOPE:		cli->scope = optarg; break;
	case OPT_EXPIRES:	cli->expires = optarg; break;
	case OPT_ROLE:		main_take_role(cli, optarg); break;
	case OPT_USER:		cli->user = optarg; break;
	case OPT_SSH:		main_take_ssh_option(cli, optarg); break;
	case OPT_OVERWRITE:	cli->overwrite = true; break;
	case OPT_CONTINUE:	cli->goes_on = true; break;
	case OPT_ENV:		main_take_variable(cli, optarg); break;
	case OPT_TIMEOUT:	cli->timeout = optarg; break;
	case OPT_WORKDIR:	cli->directory = optarg; break;
	case OPT_EGRESS:	cli->egress = optarg; break;
	case OPT_VOLUME:	cli->volume = optarg; break;
	case OPT_WARM:		cli->warm = optarg; break;
	case OPT_FILE:		main_take_file(cli, optarg); break;
	case OPT_IMAGE:		cli->image = optarg; break;
	case OPT_CLOUD_INIT:	cli->cloud_init = optarg; break;
	case OPT_NET:		cli->net = optarg; break;
	case OPT_SIZE:		cli->size = optarg; break;
	case OPT_STORE:		cli->store = optarg; break;
	case OPT_CPUS:		cli->cpus = optarg; break;
	case OPT_MEMORY:	cli->memory = optarg; break;
	case OPT_OUTPUT:	main_take_output(cli, optarg); break;
	case 'd':		cli->detach = true; break;
	case 'i':		cli->interactive = true; break;
	case 'p':		main_take_port(cli, optarg); break;
	case 't':		cli->terminal = true; break;
	case OPT_PROFILE:	cli->profile = optarg; break;
	case OPT_HTML:		cli->html = optarg; break;
	case OPT_VERIFY:	cli->verify = optarg; break;
	case OPT_HELP:		fputs(usage, stdout); exit(CLI_OK);
	case OPT_VERSION:	puts("skerryctl " SKERRY_VERSION); exit(CLI_OK);
	default:		exit(CLI_USAGE);	/* getopt_long has written the reason */
		/* clang-format on */
	}
}

/* Returns the exit code: a failure if the output could not be written, as to a full disk. */
static int main_finish(enum cli_exit code)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		cli_say("stdout cannot be written");
		return code != CLI_OK ? (int)code : CLI_FAILED;
	}
	return (int)code;
}

int main(int count, char **words)
{
	static struct cli cli = {.http.net.fd = -1};
	enum cli_exit code;
	int option;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* who starts this program may ignore how its children end */
	atexit(websocket_leave);
	while ((option = getopt_long(count, words, "fdip:t", options, NULL)) != -1)
		main_take_option(&cli, option);
	if (cli.host != NULL && cli.socket != NULL)
		cli_die(CLI_USAGE, "give either --host or --socket, not both");
	if (optind == count) {
		fputs(usage, stderr);
		return CLI_USAGE;
	}
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
		if (strcmp(words[optind], commands[i].name) != 0)
			continue;
		code = commands[i].run(&cli, count - optind - 1, words + optind + 1);
		websocket_leave();
		net_close(&cli.http.net);
		return main_finish(code);
	}
	cli_die(CLI_USAGE,
		"there is no command \"%s\": use one of create vm run ps logs cp stop template "
		"disk store volume net file console connect ssh agent alert events history "
		"forecast log "
		"audit "
		"host report "
		"token user login logout password",
		words[optind]);
}
