/* SPDX-License-Identifier: MIT */
/*
 * Reads the command line into the settings, and opens the listening socket that it names. Core's
 * main function calls it once.
 */

#include "gateway/core/common/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/address.h"
#include "gateway/base/mail_address.h"
#include "gateway/base/string.h"
#include "gateway/core/common/settings.h"

struct settings settings = {
	.state = "/var/lib/skerryd",
	.rate = 50,
	.change_rate = 5,
	.per_address = 16,
	.anchor_s = 60,
	.audit_kib = 16384,
	.audit_files = 64,
	.silence_s = 20,
	.history_mib = 512,
	.sendmail = "/usr/sbin/sendmail",
	.publish_at = "127.0.0.1",
	.publish_idle_s = 300,
};

static const char options_help[] =
	"skerryd --link WHERE [options]\n"
	"  --link WHERE         unix:PATH, tcp:HOST:PORT, tty:PATH[,BAUD], or a path\n"
	"  --state DIR          tokens, key, audit (/var/lib/skerryd)\n"
	"  --listen [ADDR:]PORT HTTPS; not without it\n"
	"  --socket PATH        HTTP for programs on this machine; root and one's own user are "
	"admin\n"
	"  --libvirt PATH       libvirt's RPC for virsh and the like on this machine, likewise\n"
	"  --socket-users       on both sockets, local users are the users of the same name\n"
	"  --ui DIR             the files of the web UI\n"
	"  --name HOST          a name that this server is asked by; may be repeated\n"
	"  --token-hash HEX     SHA-256 of a token with all roles, for who has lost the others\n"
	"  --password-file FILE of the machine channel, when it is locked\n"
	"  --rate N             requests a second for each token (50; 0: any)\n"
	"  --change-rate N      changes a second for each token (5; 0: any)\n"
	"  --per-address N      connections of one address (16; 0: any)\n"
	"  --anchor SECONDS     how often the audit's head goes into Skerry's audit (60)\n"
	"  --audit-file KIB     of the audit, then the next one is begun (16384)\n"
	"  --audit-files N      full ones that are kept; the oldest goes (64; 0: all stay)\n"
	"  --history MIB        that histories of VMs may take in the state directory (512; 0: "
	"none)\n"
	"  --sbom FILE          the image's skerry.spdx.json, for reports\n"
	"  --hook-allow CIDR    web hooks of alerts may be there, also by http; may be repeated\n"
	"  --hook-ca FILE       who vouches for web hooks, instead of those the system trusts\n"
	"  --mail-from ADDRESS  whom mail of alerts comes from; without it none is sent\n"
	"  --mail-to ADDRESS    or @DOMAIN, who may get it; may be repeated\n"
	"  --sendmail PATH      the program that takes mail (/usr/sbin/sendmail)\n"
	"  --publish CIDR       runs on this network of guests may publish ports; may be repeated\n"
	"  --publish-at ADDRESS where their ports are (127.0.0.1)\n"
	"  --publish-idle SECONDS without a byte, then a connection to one is ended (300)\n"
	"  --silence SECONDS    without an answer, after which the link is lost (20)\n"
	"skerryd openapi | routes | verify-audit DIR | report-key DIR | --version | --help\n";

enum {
	OPTION_LINK = 256,
	OPTION_STATE,
	OPTION_LISTEN,
	OPTION_SOCKET,
	OPTION_LIBVIRT,
	OPTION_SOCKET_USERS,
	OPTION_UI,
	OPTION_NAME,
	OPTION_PASSWORD,
	OPTION_TOKEN_HASH,
	OPTION_RATE,
	OPTION_CHANGE_RATE,
	OPTION_PER_ADDRESS,
	OPTION_ANCHOR,
	OPTION_AUDIT_FILE,
	OPTION_AUDIT_FILES,
	OPTION_HISTORY,
	OPTION_SILENCE,
	OPTION_SBOM,
	OPTION_HOOK_ALLOW,
	OPTION_HOOK_CA,
	OPTION_MAIL_FROM,
	OPTION_MAIL_TO,
	OPTION_SENDMAIL,
	OPTION_PUBLISH,
	OPTION_PUBLISH_AT,
	OPTION_PUBLISH_IDLE,
	OPTION_VERSION,
	OPTION_HELP
};

static const struct option options_list[] = {
	{"link", 1, NULL, OPTION_LINK},
	{"state", 1, NULL, OPTION_STATE},
	{"listen", 1, NULL, OPTION_LISTEN},
	{"socket", 1, NULL, OPTION_SOCKET},
	{"libvirt", 1, NULL, OPTION_LIBVIRT},
	{"socket-users", 0, NULL, OPTION_SOCKET_USERS},
	{"ui", 1, NULL, OPTION_UI},
	{"name", 1, NULL, OPTION_NAME},
	{"password-file", 1, NULL, OPTION_PASSWORD},
	{"token-hash", 1, NULL, OPTION_TOKEN_HASH},
	{"rate", 1, NULL, OPTION_RATE},
	{"change-rate", 1, NULL, OPTION_CHANGE_RATE},
	{"per-address", 1, NULL, OPTION_PER_ADDRESS},
	{"anchor", 1, NULL, OPTION_ANCHOR},
	{"audit-file", 1, NULL, OPTION_AUDIT_FILE},
	{"audit-files", 1, NULL, OPTION_AUDIT_FILES},
	{"history", 1, NULL, OPTION_HISTORY},
	{"silence", 1, NULL, OPTION_SILENCE},
	{"sbom", 1, NULL, OPTION_SBOM},
	{"hook-allow", 1, NULL, OPTION_HOOK_ALLOW},
	{"hook-ca", 1, NULL, OPTION_HOOK_CA},
	{"mail-from", 1, NULL, OPTION_MAIL_FROM},
	{"mail-to", 1, NULL, OPTION_MAIL_TO},
	{"sendmail", 1, NULL, OPTION_SENDMAIL},
	{"publish", 1, NULL, OPTION_PUBLISH},
	{"publish-at", 1, NULL, OPTION_PUBLISH_AT},
	{"publish-idle", 1, NULL, OPTION_PUBLISH_IDLE},
	{"version", 0, NULL, OPTION_VERSION},
	{"help", 0, NULL, OPTION_HELP},
	{0},
};

static bool options_number(const char *text, unsigned *value)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (!*text || *end || number > 1000000) {
		fprintf(stderr, "skerryd: \"%s\" is no number from 0 to 1000000\n", text);
		return false;
	}
	*value = (unsigned)number;
	return true;
}

static bool options_range(const char *text)
{
	struct address_range range;

	if (settings.hook_allow_count == ARRAY_COUNT(settings.hook_allow) ||
	    !address_read_range(text, &range)) {
		fprintf(stderr,
			"skerryd: --hook-allow takes ADDRESS/BITS, such as 10.0.0.0/8, and at most "
			"16 of them\n");
		return false;
	}
	settings.hook_allow[settings.hook_allow_count++] = text;
	return true;
}

static bool options_mail_from(const char *text)
{
	settings.mail_from = text;
	if (mail_address_valid(text))
		return true;
	fprintf(stderr, "skerryd: --mail-from takes an address, such as skerry@example.org, with "
			"the domain in lower case\n");
	return false;
}

static bool options_mail_to(const char *text)
{
	if (settings.mail_to_count < ARRAY_COUNT(settings.mail_to) &&
	    mail_address_pattern_valid(text)) {
		settings.mail_to[settings.mail_to_count++] = text;
		return true;
	}
	fprintf(stderr, "skerryd: --mail-to takes an address, or @DOMAIN for all of a domain, in "
			"lower case behind the @, and at most 16 of them\n");
	return false;
}

static bool options_sendmail(const char *text)
{
	settings.sendmail = text;
	if (*text == '/')
		return true;
	fprintf(stderr, "skerryd: --sendmail takes a path that begins with /\n");
	return false;
}

/* Takes a network of --publish. All addresses are none: a port would lead to any machine. */
static bool options_publish(const char *text)
{
	struct address_range range;

	if (settings.publish_count < ARRAY_COUNT(settings.publish) && strchr(text, '/') &&
	    address_read_range(text, &range) && range.bits >= 128 - 32 + 8) {
		settings.publish[settings.publish_count++] = text;
		return true;
	}
	fprintf(stderr, "skerryd: --publish takes a network of guests, ADDRESS/BITS of IPv4 with 8 "
			"bits or more, such as 10.7.0.0/16, and at most 4 of them\n");
	return false;
}

static bool options_publish_at(const char *text)
{
	struct in_addr address;

	settings.publish_at = text;
	if (inet_pton(AF_INET, text, &address) == 1)
		return true;
	fprintf(stderr, "skerryd: --publish-at takes an address of IPv4, such as 127.0.0.1\n");
	return false;
}

static bool options_text(int option)
{
	switch (option) {
	case OPTION_LINK:
		settings.link = optarg;
		return true;
	case OPTION_STATE:
		settings.state = optarg;
		return true;
	case OPTION_LISTEN:
		settings.listen = optarg;
		return true;
	case OPTION_SOCKET:
		settings.socket = optarg;
		return true;
	case OPTION_LIBVIRT:
		settings.libvirt = optarg;
		return true;
	case OPTION_UI:
		settings.ui = optarg;
		return true;
	case OPTION_PASSWORD:
		settings.password_file = optarg;
		return true;
	case OPTION_SBOM:
		settings.sbom = optarg;
		return true;
	case OPTION_TOKEN_HASH:
		settings.token_hash = optarg;
		return true;
	case OPTION_HOOK_CA:
		settings.hook_ca = optarg;
		return true;
	case OPTION_MAIL_FROM:
		return options_mail_from(optarg);
	case OPTION_MAIL_TO:
		return options_mail_to(optarg);
	case OPTION_SENDMAIL:
		return options_sendmail(optarg);
	case OPTION_PUBLISH:
		return options_publish(optarg);
	case OPTION_PUBLISH_AT:
		return options_publish_at(optarg);
	case OPTION_HOOK_ALLOW:
		return options_range(optarg);
	case OPTION_NAME:
		if (settings.name_count == ARRAY_COUNT(settings.names))
			return false;
		settings.names[settings.name_count++] = optarg;
		return true;
	default:
		return false;
	}
}

static bool options_one(int option)
{
	switch (option) {
	case OPTION_RATE:
		return options_number(optarg, &settings.rate);
	case OPTION_CHANGE_RATE:
		return options_number(optarg, &settings.change_rate);
	case OPTION_PER_ADDRESS:
		return options_number(optarg, &settings.per_address);
	case OPTION_ANCHOR:
		return options_number(optarg, &settings.anchor_s) && settings.anchor_s;
	case OPTION_AUDIT_FILE:
		return options_number(optarg, &settings.audit_kib) && settings.audit_kib;
	case OPTION_AUDIT_FILES:
		return options_number(optarg, &settings.audit_files);
	case OPTION_HISTORY:
		return options_number(optarg, &settings.history_mib);
	case OPTION_SILENCE:
		return options_number(optarg, &settings.silence_s) && settings.silence_s;
	case OPTION_PUBLISH_IDLE:
		return options_number(optarg, &settings.publish_idle_s) && settings.publish_idle_s;
	case OPTION_SOCKET_USERS:
		settings.socket_users = true;
		return true;
	case OPTION_VERSION:
		printf("skerryd %s\n", SKERRYD_VERSION);
		exit(0);
	case OPTION_HELP:
		printf("%s", options_help);
		exit(0);
	default:
		return options_text(option);
	}
}

bool options_read(int count, char **words)
{
	int option;

	while ((option = getopt_long(count, words, "", options_list, NULL)) != -1) {
		if (!options_one(option)) {
			fprintf(stderr, "%s", options_help);
			return false;
		}
	}
	if (optind == count && settings.link &&
	    (settings.listen || settings.socket || settings.libvirt))
		return true;
	fprintf(stderr,
		"skerryd: say with --link where Skerry is, and with --listen, --socket or "
		"--libvirt "
		"where to serve\n%s",
		options_help);
	return false;
}

static int options_bind(const struct addrinfo *found)
{
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int yes = 1, no = 0;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (found->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
	if (bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 128) == 0)
		return fd;
	close(fd);
	return -1;
}

int options_listen(const char *where)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	const char *colon = strrchr(where, ':');
	struct addrinfo *found = NULL;
	char host[128] = "";
	int fd = -1;

	if (colon && *where == '[')
		snprintf(host, sizeof(host), "%.*s", (int)(colon - where) - 2, where + 1);
	else if (colon)
		snprintf(host, sizeof(host), "%.*s", (int)(colon - where), where);
	/*
	 * An option without an address listens on all of IPv6 and IPv4, or on all of IPv4 where
	 * there is no IPv6.
	 */
	for (int family = 0; family < 2 && fd < 0; family++) {
		hints.ai_family = *host ? AF_UNSPEC : family == 0 ? AF_INET6 : AF_INET;
		if (getaddrinfo(*host ? host : NULL, colon ? colon + 1 : where, &hints, &found))
			continue;
		fd = options_bind(found);
		freeaddrinfo(found);
	}
	if (fd < 0)
		fprintf(stderr, "skerryd: --listen %s: %s\n", where, strerror(errno));
	return fd;
}
