/* SPDX-License-Identifier: MIT */
/*
 * The commands about the content of volumes: `volume write`, `volume read` and `volume digest`. Run
 * by command.c; disk/content.c has a process move the content.
 */
#include "lib/string.h"
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"
#include "vmm/manager/disk/content.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/crypto/sha256.h"

/*
 * Takes one word KEY=BYTES. Returns false, without an error, if the word has another key, or its
 * value is no size.
 */
static bool command_content_take(const char *word, const char *key, u64 *bytes)
{
	size_t length = strlen(key);

	return strncmp(word, key, length) == 0 && parse_size(text_of(word + length), bytes);
}

/*
 * Reads the words bytes=SIZE and from=SIZE that follow the volume's name, and checks them against
 * its size.
 */
static bool command_content_range(struct reply *reply, const struct arguments *arguments,
				  struct content_wish *wish)
{
	u64 size = wish->volume->sectors * BLOCK_SECTOR_BYTES;
	char shown[CONFIG_NAME_BYTES];
	bool told = false;

	for (u32 i = 1; i < arguments->count; i++) {
		const char *word = arguments->word[i];
		bool bytes = command_content_take(word, "bytes=", &wish->bytes);

		told |= bytes;
		if (bytes || command_content_take(word, "from=", &wish->from))
			continue;
		reply_bad(reply, "\"%s\" is not valid; use bytes=SIZE or from=SIZE",
			  text_show(shown, sizeof(shown), text_of(word)));
		return false;
	}
	if (wish->from % CONTENT_STEP_BYTES != 0 || wish->from > size) {
		reply_bad(reply, "\"from\" is to be a multiple of %u up to the volume's %llu bytes",
			  CONTENT_STEP_BYTES, (unsigned long long)size);
		return false;
	}
	if (!told)
		wish->bytes = size - wish->from;
	if (wish->bytes <= size - wish->from)
		return true;
	reply_bad(reply, "%llu bytes from %llu on do not fit: the volume has %llu",
		  (unsigned long long)wish->bytes, (unsigned long long)wish->from,
		  (unsigned long long)size);
	return false;
}

/* Begins to move a volume's content; returns NULL after an error. */
static const struct content *command_content_begin(struct reply *reply,
						   const struct arguments *arguments,
						   enum content_operation operation,
						   struct machine_channel *channel)
{
	struct content_wish wish = {.operation = operation, .channel = channel};
	const struct content *content;
	struct store_volume volume;
	char problem[224];
	struct text name;

	wish.store = command_volume(reply, arguments->word[0], &name, &volume);
	wish.volume = &volume;
	if (wish.store == NULL || !command_content_range(reply, arguments, &wish))
		return NULL;
	content = content_begin(&wish, problem, sizeof(problem));
	if (content == NULL)
		reply_fail(reply, CODE_BAD_STATE, "%s/%s: %s", wish.store->config->section.name,
			   volume.name, problem);
	return content;
}

/* Begins to move a volume's content through a stream of the channel that asks. */
static void command_content_stream(struct reply *reply, const struct arguments *arguments,
				   enum content_operation operation)
{
	struct machine_channel *channel = reply_channel(reply);
	const struct content *content =
		channel != NULL ? command_content_begin(reply, arguments, operation, channel)
				: NULL;

	if (content == NULL)
		return;
	reply_object_begin(reply);
	json_string(&reply->object, "name", arguments->word[0]);
	json_u64(&reply->object, "stream", content->transfer.number);
	reply_object_end(reply);
}

static void command_volume_write_run(struct reply *reply, const struct arguments *arguments)
{
	command_content_stream(reply, arguments, CONTENT_WRITE);
}

COMMAND(volume_write,
	.name = "volume write",
	.right = MAY_CONTENT,
	.arguments = "STORE/VOLUME [bytes=SIZE] [from=SIZE]",
	.summary = "write what comes on a stream of the machine channel into a volume",
	.detail = "Nobody may use the volume meanwhile. The stream is closed as done once the\n"
		  "disk has everything; so many bytes have to come, neither more nor fewer.",
	.example = "volume write pool/web bytes=64M",
	.keys = "name stream",
	.run = command_volume_write_run,
	.minimum = 1,
	.maximum = 3,
	.audited = true,
	.changes = true);

static void command_volume_read_run(struct reply *reply, const struct arguments *arguments)
{
	command_content_stream(reply, arguments, CONTENT_READ);
}

COMMAND(volume_read,
	.name = "volume read",
	.right = MAY_CONTENT,
	.arguments = "STORE/VOLUME [bytes=SIZE] [from=SIZE]",
	.summary = "send what a volume holds on a stream of the machine channel",
	.detail = "Nobody may write to the volume meanwhile; take a snapshot of one in use.",
	.example = "volume read pool/web-monday",
	.keys = "name stream",
	.run = command_volume_read_run,
	.minimum = 1,
	.maximum = 3,
	.audited = true);

static bool command_volume_digest_resume(struct reply *reply)
{
	const struct content *content = content_find((u32)reply->left);
	char hex[2 * SHA256_BYTES + 1];

	if (content != NULL && content->phase != CONTENT_NONE)
		/* not ended yet: content.c has a limit for each block, the command needs none */
		return false;
	if (content == NULL || content->problem[0] != '\0') {
		reply_error(reply, "not digested: %s",
			    content != NULL ? content->problem : "its result was lost, ask again");
		return true;
	}
	text_hex(hex, content->digest, sizeof(content->digest));
	if (!reply->json) {
		reply_line(reply, "%s", hex);
		return true;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "sha256", hex);
	reply_object_end(reply);
	return true;
}

static void command_volume_digest_run(struct reply *reply, const struct arguments *arguments)
{
	const struct content *content =
		command_content_begin(reply, arguments, CONTENT_DIGEST, NULL);

	if (content == NULL)
		return;
	reply->left = content->number;
	reply->resume = command_volume_digest_resume;
}

COMMAND(volume_digest,
	.name = "volume digest",
	.right = MAY_CONTENT,
	.arguments = "STORE/VOLUME [bytes=SIZE] [from=SIZE]",
	.summary = "SHA-256 of what a volume holds",
	.detail = "Nobody may write to the volume meanwhile. Ctrl-C stops waiting.",
	.example = "volume digest pool/web-monday",
	.keys = "sha256",
	.run = command_volume_digest_run,
	.minimum = 1,
	.maximum = 3,
	.audited = true);
