/* SPDX-License-Identifier: MIT */
/*
 * The Unix sockets: core accepts connections itself, to see which user is at the other end, and
 * hands each to web or door with a number. Core's main loop calls it, and authentication asks for
 * the user by the number.
 */

#include "gateway/core/identity/peer.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/base/string.h"
#include "gateway/core/common/number.h"
#include "gateway/core/common/settings.h"

static struct peer {
	uint32_t number; /* the connection's number; 0: the entry is free */
	bool door;	 /* door has the connection; false: web has it */
	unsigned user;
	char name[IDENTITY_NAME_BYTES]; /* the user's name; "": not known */
} peers[PEER_COUNT];

static uint32_t peer_last;

int peer_listen(const char *option, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mode_t mask = umask(0);
	bool done;

	string_copy(address.sun_path, sizeof(address.sun_path), path);
	unlink(path);
	/*
	 * The socket's mode lets any user connect; the user at the other end decides what is
	 * allowed.
	 */
	done = fd >= 0 && strlen(path) < sizeof(address.sun_path) &&
	       bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 64) == 0;
	umask(mask);
	if (done)
		return fd;
	fprintf(stderr, "skerryd: %s %s: %s\n", option, path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/*
 * Finds a user's name in this computer's file of users. No other source of names is asked: a slow
 * one on the network could delay all requests.
 */
static void peer_find_name(struct peer *peer)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry;

	peer->name[0] = 0;
	if (!file)
		return;
	while ((entry = fgetpwent(file))) {
		/*
		 * A name that does not fit is not used: its beginning could be another user's name.
		 */
		if (entry->pw_uid == peer->user && strlen(entry->pw_name) < sizeof(peer->name)) {
			string_copy(peer->name, sizeof(peer->name), entry->pw_name);
			break;
		}
	}
	fclose(file);
}

static bool peer_is_owner(unsigned user)
{
	return user == 0 || user == getuid();
}

void peer_accept(int listener, bool door, struct message_socket *to)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct ucred user;
	socklen_t size = sizeof(user);
	struct peer *peer = NULL;
	unsigned same = 0, others = 0;
	bool owner;

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &size) < 0) {
		close(fd);
		return;
	}
	owner = peer_is_owner(user.uid);
	for (size_t i = 0; i < PEER_COUNT; i++) {
		if (!peers[i].number) {
			peer = &peers[i];
			continue;
		}
		same += peers[i].user == user.uid;
		others += !peer_is_owner(peers[i].user);
	}
	/* Users who have no rights here must not take the places of users who have. */
	if (!peer || (!owner && (same >= PEER_SHARE || others >= PEER_COUNT - PEER_KEPT))) {
		close(fd);
		return;
	}
	peer->number = ++peer_last;
	peer->door = door;
	peer->user = user.uid;
	if (settings.socket_users)
		peer_find_name(peer);
	message_send(to, (struct message_head){MESSAGE_CONNECTION, peer->number, 0, 0}, NULL, 0,
		     fd);
}

void peer_left(uint32_t number, bool door)
{
	for (size_t i = 0; i < PEER_COUNT; i++) {
		if (peers[i].number == number && peers[i].door == door)
			peers[i].number = 0;
	}
}

void peer_forget_all(bool door)
{
	for (size_t i = 0; i < PEER_COUNT; i++) {
		if (peers[i].door == door)
			peers[i].number = 0;
	}
}

static const struct peer *peer_find(const char *number, bool door)
{
	int64_t wanted = number_read(number, 0, UINT32_MAX);

	for (size_t i = 0; wanted > 0 && i < PEER_COUNT; i++) {
		if (peers[i].number == wanted && peers[i].door == door)
			return &peers[i];
	}
	return NULL;
}

bool peer_user(const char *number, bool door, unsigned *user)
{
	const struct peer *peer = peer_find(number, door);

	if (peer)
		*user = peer->user;
	return peer;
}

bool peer_name(const char *number, bool door, char name[IDENTITY_NAME_BYTES])
{
	const struct peer *peer = peer_find(number, door);

	if (peer)
		string_copy(name, IDENTITY_NAME_BYTES, peer->name);
	return peer && *name;
}
