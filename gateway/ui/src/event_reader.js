// SPDX-License-Identifier: MIT
// Events from the oldest that the host keeps, then as they come; again after each break from where it was, so that none
// is missed or told twice. The screen of events holds one reader while it is shown.
import { request } from "./api.js";

const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const MESSAGE_CHARS = 1 << 20;

/** One message of a stream of events: { id, event, data }, or null for a comment. */
export function messageOf(text) {
	const message = { id: "", event: "", data: "" };
	for (const line of text.split("\n")) {
		const at = line.indexOf(": ");
		if (at > 0 && Object.hasOwn(message, line.slice(0, at))) {
			message[line.slice(0, at)] += line.slice(at + 2);
		}
	}
	return message.data ? message : null;
}

export class EventReader {
	/**
	 * sink: events(list), in their order; lost(count), of events that nobody has any more; anew() when the host was started
	 * anew and counts from one; failed(error) when nothing comes, each time it is tried again.
	 */
	constructor(sink) {
		this.sink = sink;
		this.last = "0";
		this.boot = null;
		this.tries = 0;
		this.closed = false;
		this.run();
	}

	async run() {
		while (!this.closed) {
			try {
				await this.read();
			} catch (error) {
				if (this.closed || error.status === 401) {
					return;
				}
				this.sink.failed(error);
			}
			if (!this.again && !this.closed) {
				await new Promise((resolve) => {
					this.wake = resolve;
					this.timer = setTimeout(resolve, RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
				});
			}
		}
	}

	/** Returns when the server ends the stream, or, with `again` set, when it is to be opened at another place at once. */
	async read() {
		this.again = false;
		const response = await request("GET", "/events", undefined, { Accept: "text/event-stream", "Last-Event-ID": this.last });
		this.body = response.body.pipeThrough(new TextDecoderStream()).getReader();
		this.got = false;
		let text = "";
		try {
			while (!this.closed && !this.again) {
				const { value, done } = await this.body.read();
				if (done) {
					throw new Error("The server has ended the stream of events.");
				}
				this.tries = 0;
				const parts = (text + value).split("\n\n");
				text = parts.pop();
				if (text.length > MESSAGE_CHARS) {
					throw new Error("The server sent an event that is too long.");
				}
				this.take(parts.map(messageOf).filter(Boolean));
			}
		} finally {
			this.body.cancel().catch(() => {});
		}
	}

	take(messages) {
		const events = [];
		for (const { id, event, data } of messages) {
			const found = JSON.parse(data);
			const boot = found.type === "snapshot" ? found.host.boot : id.split(".")[0];
			if (event === "lost") {
				// Who reads too slowly can have them yet; what was lost before the first is gone.
				this.again = this.got;
				this.got || this.sink.lost(found.count);
			} else if (boot && this.isOfAnotherBoot(boot)) {
				this.again = true;
			} else if (found.type === "event") {
				this.got = true;
				this.last = id || this.last;
				events.push(found);
			}
			if (this.again) {
				break;
			}
		}
		this.sink.events(events);
	}

	isOfAnotherBoot(boot) {
		const other = this.boot !== null && this.boot !== boot;
		this.boot = boot;
		if (other) {
			this.last = "0";
			this.sink.anew();
		}
		return other;
	}

	/** Tries now what would be tried later. */
	retry() {
		clearTimeout(this.timer);
		this.wake?.();
	}

	close() {
		this.closed = true;
		this.retry();
		this.body?.cancel().catch(() => {});
	}
}
