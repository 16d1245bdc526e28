/* SPDX-License-Identifier: MIT */
/*
 * The web pages: read into memory at the start, and answered from there with their headers. Web's
 * main function and the exchange call it; it opens files only before the filter of system calls is
 * set.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "gateway/base/bytes.h"
#include "gateway/base/string.h"
#include "gateway/web/web.h"

enum { STATIC_FILES = 64, STATIC_BYTES = 8 << 20, STATIC_DEPTH = 3 };

/* In index.html this word becomes the response's nonce, for <style> elements made by scripts. */
#define STATIC_NONCE "{{nonce}}"

struct static_file {
	char path[128]; /* the file's path as in a URL, with the slash at its beginning */
	char *bytes;
	size_t count;
	char tag[36]; /* the file's ETag, with quotes */
};

static struct static_file static_files[STATIC_FILES];
static size_t static_count, static_total;

static bool static_read(int folder, const char *name, const char *path)
{
	struct static_file *file = &static_files[static_count];
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct buffer buffer = {.limit = STATIC_BYTES - static_total};
	uint8_t hash[32];
	char bytes[16384];
	ssize_t count;

	if (fd < 0 || static_count == STATIC_FILES || strlen(path) >= sizeof(file->path)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while ((count = read(fd, bytes, sizeof(bytes))) > 0)
		buffer_add(&buffer, bytes, (size_t)count);
	close(fd);
	buffer_add(&buffer, "", 0);
	if (count < 0 || buffer.failed ||
	    gnutls_hash_fast(GNUTLS_DIG_SHA256, buffer.bytes, buffer.count, hash) < 0) {
		buffer_free(&buffer);
		return false;
	}
	string_copy(file->path, sizeof(file->path), path);
	file->bytes = buffer.bytes;
	file->count = buffer.count;
	file->tag[0] = '"';
	hex_write(file->tag + 1, hash, 16);
	strcat(file->tag, "\"");
	static_total += buffer.count;
	static_count++;
	return true;
}

static bool static_walk(int fd, const char *prefix, unsigned depth)
{
	DIR *folder = fdopendir(fd);
	struct dirent *entry;
	bool done = true;

	if (!folder)
		return false;
	while (done && (entry = readdir(folder))) {
		struct stat status;
		char path[512];

		if (entry->d_name[0] == '.' ||
		    fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", prefix, entry->d_name);
		if (S_ISDIR(status.st_mode) && depth < STATIC_DEPTH)
			done = static_walk(
				openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path,
				depth + 1);
		else if (S_ISREG(status.st_mode))
			done = static_read(fd, entry->d_name, path);
	}
	closedir(folder);
	return done;
}

bool static_load(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && static_walk(fd, "", 0);
}

static const struct static_file *static_find(const char *path)
{
	for (size_t i = 0; i < static_count; i++) {
		if (!strcmp(static_files[i].path, path))
			return &static_files[i];
	}
	return NULL;
}

static const char *static_type(const char *path)
{
	static const char *const types[][2] = {
		{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
		{".ico", "image/x-icon"},
		{".json", "application/json"},
		{".webmanifest", "application/manifest+json"},
		{".txt", "text/plain; charset=utf-8"},
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < ARRAY_COUNT(types); i++) {
		if (!strcmp(dot, types[i][0]))
			return types[i][1];
	}
	return "application/octet-stream";
}

/* Returns a response with index.html, in which each STATIC_NONCE is replaced by `nonce`. */
static struct MHD_Response *static_page(const struct static_file *file, const char *nonce)
{
	struct buffer page = {0};
	const char *at = file->bytes;
	const char *found;
	struct MHD_Response *response;

	while ((found = strstr(at, STATIC_NONCE))) {
		buffer_add(&page, at, (size_t)(found - at));
		buffer_text(&page, nonce);
		at = found + strlen(STATIC_NONCE);
	}
	buffer_add(&page, at, (size_t)(file->bytes + file->count - at));
	response = page.failed ? NULL
			       : MHD_create_response_from_buffer(page.count, page.bytes,
								 MHD_RESPMEM_MUST_COPY);
	buffer_free(&page);
	return response;
}

static void static_policy(struct MHD_Response *response, const char *nonce)
{
	char policy[512];

	snprintf(policy, sizeof(policy),
		 "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%s'; img-src "
		 "'self' data:; "
		 "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
		 "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'",
		 nonce);
	MHD_add_response_header(response, "Content-Security-Policy", policy);
	MHD_add_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
	MHD_add_response_header(response, "X-Frame-Options", "DENY");
}

static enum MHD_Result static_text(struct MHD_Connection *connection, unsigned status,
				   const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
	web_guard_headers(response);
	static_policy(response, "none");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/*
 * Returns the file to send for `path`, or NULL: the gzip form, if there is one and the client
 * accepts it.
 */
static const struct static_file *static_choose(struct MHD_Connection *connection, const char *path,
					       const char **encoding)
{
	const char *accept =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept-Encoding");
	const struct static_file *file;
	char packed[256];

	snprintf(packed, sizeof(packed), "%s.gz", path);
	file = accept && strstr(accept, "gzip") ? static_find(packed) : NULL;
	*encoding = file ? "gzip" : NULL;
	return file ? file : static_find(path);
}

enum MHD_Result static_queue(struct MHD_Connection *connection, const char *path,
			     const char *method)
{
	const char *known =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-None-Match");
	struct MHD_Response *response;
	const struct static_file *file;
	const char *encoding = NULL;
	enum MHD_Result result;
	uint8_t random[16];
	char nonce[33];
	bool page;

	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return static_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "not allowed\n");
	/*
	 * The UI is one page, whose screens have addresses behind a #, so any other path must be a
	 * file's.
	 */
	page = !strcmp(path, "/") || !strcmp(path, "/index.html");
	file = page ? static_find("/index.html") : static_choose(connection, path, &encoding);
	if (!file)
		return static_text(connection, MHD_HTTP_NOT_FOUND,
				   static_count ? "not found\n"
						: "not found; skerryd was started without --ui\n");
	if (gnutls_rnd(GNUTLS_RND_NONCE, random, sizeof(random)) < 0)
		return MHD_NO;
	hex_write(nonce, random, sizeof(random));
	if (!page && known && !strcmp(known, file->tag)) {
		response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
		MHD_add_response_header(response, "ETag", file->tag);
		result = MHD_queue_response(connection, MHD_HTTP_NOT_MODIFIED, response);
		MHD_destroy_response(response);
		return result;
	}
	response = page ? static_page(file, nonce)
			: MHD_create_response_from_buffer(file->count, file->bytes,
							  MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", static_type(page ? ".html" : path));
	MHD_add_response_header(response, "Cache-Control", page ? "no-store" : "no-cache");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Vary", "Accept-Encoding");
	web_strict(response);
	if (!page)
		MHD_add_response_header(response, "ETag", file->tag);
	if (encoding)
		MHD_add_response_header(response, "Content-Encoding", encoding);
	static_policy(response, nonce);
	result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}
