/* SPDX-License-Identifier: MIT */
/*
 * Opens the transport that --link names: a socket in the file system, a TCP address or a serial
 * port. The link calls it each time it connects; it makes descriptors and keeps none.
 */
#include "gateway/link/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "gateway/base/string.h"

static struct {
	bool tty;
	char path[108];
	speed_t speed;
	struct sockaddr_storage address;
	socklen_t address_bytes;
} transport;

static const struct {
	unsigned baud;
	speed_t speed;
} speeds[] = {
	{9600, B9600},	   {19200, B19200},   {38400, B38400},	 {57600, B57600},
	{115200, B115200}, {230400, B230400}, {460800, B460800}, {921600, B921600},
};

static bool transport_tty(const char *where)
{
	const char *comma = strrchr(where, ',');
	unsigned baud = comma ? (unsigned)strtoul(comma + 1, NULL, 10) : 115200;
	size_t length = comma ? (size_t)(comma - where) : strlen(where);

	transport.tty = true;
	snprintf(transport.path, sizeof(transport.path), "%.*s", (int)length, where);
	for (size_t i = 0; i < ARRAY_COUNT(speeds); i++) {
		if (speeds[i].baud == baud)
			transport.speed = speeds[i].speed;
	}
	if (transport.speed)
		return true;
	fprintf(stderr, "skerryd: --link: a serial port has no speed of %u\n", baud);
	return false;
}

static bool transport_tcp(const char *where)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(where, ':');
	struct addrinfo *found;
	char host[256];

	if (!colon || (size_t)(colon - where) >= sizeof(host)) {
		fprintf(stderr, "skerryd: --link: write tcp:HOST:PORT, not \"%s\"\n", where);
		return false;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - where), where);
	if (getaddrinfo(host, colon + 1, &hints, &found)) {
		fprintf(stderr, "skerryd: --link: there is no address %s\n", where);
		return false;
	}
	memcpy(&transport.address, found->ai_addr, found->ai_addrlen);
	transport.address_bytes = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static bool transport_unix(const char *where)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(where) >= sizeof(address.sun_path)) {
		fprintf(stderr, "skerryd: --link: the path is too long\n");
		return false;
	}
	string_copy(address.sun_path, sizeof(address.sun_path), where);
	memcpy(&transport.address, &address, sizeof(address));
	transport.address_bytes = sizeof(address);
	return true;
}

bool transport_setup(const char *where)
{
	if (!strncmp(where, "tty:", 4))
		return transport_tty(where + 4);
	if (!strncmp(where, "tcp:", 4))
		return transport_tcp(where + 4);
	if (!strncmp(where, "unix:", 5))
		return transport_unix(where + 5);
	if (!strncmp(where, "/dev/", 5))
		return transport_tty(where);
	return transport_unix(where);
}

/*
 * Opens the serial line: 8n1 with RTS/CTS, no echo, no editing. A virtio-console port is no
 * terminal and stays as it is.
 */
static int transport_open_tty(void)
{
	int fd = open(transport.path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct termios mode;

	if (fd < 0 || tcgetattr(fd, &mode) < 0)
		return fd;
	cfmakeraw(&mode);
	mode.c_cflag |= CLOCAL | CREAD | CRTSCTS;
	cfsetispeed(&mode, transport.speed);
	cfsetospeed(&mode, transport.speed);
	if (tcsetattr(fd, TCSANOW, &mode) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int transport_open(void)
{
	int fd;

	if (transport.tty)
		return transport_open_tty();
	fd = socket(transport.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&transport.address, transport.address_bytes) == 0 ||
	    errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}
