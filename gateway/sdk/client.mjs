// SPDX-License-Identifier: MIT
/**
 * A client of skerryd's REST interface for Node 18 and later: one class whose methods are the interface's requests. It needs no
 * package. `make -C gateway sdk` adds the methods from the OpenAPI description (generate.py).
 */
import http from "node:http";
import net from "node:net";
import tls from "node:tls";
import fs from "node:fs";
import { randomUUID } from "node:crypto";
import { once } from "node:events";

/** What skerryd refuses, as RFC 9457 says it: `status`, `code`, `detail`, and `allowed` where it lists what would be right. */
export class Problem extends Error {
    constructor(status, body) {
        let told = {};
        try {
            told = JSON.parse(body);
        } catch {
            // an answer of something between here and skerryd
        }
        super(`${status} ${told.code ?? ""}: ${told.detail ?? ""}`);
        Object.assign(this, { status, code: told.code ?? "", detail: told.detail ?? "", allowed: told.allowed });
    }
}

async function bytesOf(response) {
    const parts = [];
    for await (const part of response)
        parts.push(part);
    return Buffer.concat(parts);
}

/**
 * A skerryd at a host's TLS port, with a token, or at its Unix socket. `fingerprint` is the SHA-256 of the server's certificate in
 * hexadecimal, `ca` a file with certificates; with neither Node's own are asked. `timeout` is in milliseconds.
 */
export class Skerry {
    #options;

    constructor({ host = "localhost", port = 8443, token, fingerprint, ca, unix, timeout = 600000 } = {}) {
        fingerprint = fingerprint?.replaceAll(":", "").toLowerCase();
        this.#options = { host, port, token, fingerprint, ca: ca && fs.readFileSync(ca), unix, timeout };
    }

    /** A connection to the server, which has shown the right certificate. */
    async #connect() {
        const { host, port, fingerprint, ca, unix } = this.#options;
        if (unix) {
            const local = net.connect(unix);
            await once(local, "connect");
            return local;
        }
        const servername = net.isIP(host) ? "" : host;
        const socket = tls.connect({ host, port, ca, servername, rejectUnauthorized: !fingerprint });
        await once(socket, "secureConnect");
        const shown = socket.getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase();
        if (fingerprint && shown !== fingerprint) {
            socket.destroy();
            throw new Error(`the server's certificate has the fingerprint ${shown}, not the one that was given`);
        }
        return socket;
    }

    async #begin(method, path, query, body, headers) {
        const { host, port, token, timeout } = this.#options;
        const sent = { Host: `${host}:${port}`, Connection: "close" };
        if (token)
            sent.Authorization = `Bearer ${token}`;
        if (method === "POST")
            sent["Idempotency-Key"] = randomUUID(); // what a broken connection repeats is done once
        if (body !== undefined) {
            const raw = body instanceof Uint8Array;
            sent["Content-Type"] = raw ? "application/octet-stream" : "application/json";
            body = raw ? body : Buffer.from(JSON.stringify(body));
            sent["Content-Length"] = body.length;
        }
        const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined)).toString();
        const socket = await this.#connect();
        const request = http.request({
            method, path: path + (asked && `?${asked}`), headers: { ...sent, ...headers }, timeout, createConnection: () => socket,
        });
        request.on("timeout", () => request.destroy(new Error("skerryd has not answered in time")));
        request.end(body);
        const [response] = await once(request, "response");
        if (response.statusCode >= 400)
            throw new Problem(response.statusCode, (await bytesOf(response)).toString());
        return response;
    }

    /** The JSON of an answer, or its bytes, or undefined where it has none. */
    async #call(method, path, query, body, headers) {
        const response = await this.#begin(method, path, query, body, headers);
        const answer = await bytesOf(response);
        if (response.statusCode === 204 || answer.length === 0)
            return undefined;
        return (response.headers["content-type"] ?? "").startsWith("application/json") ? JSON.parse(answer) : answer;
    }

    /** Yields `{ event, data }` of each event, its data parsed from JSON, until the server or the caller ends it. */
    async *#events(path, query, headers) {
        const response = await this.#begin("GET", path, query, undefined, headers);
        let event = "message", data = [], rest = "";
        response.setEncoding("utf8");
        for await (const part of response) {
            const lines = (rest + part).split(/\r?\n/);
            rest = lines.pop();
            for (const line of lines) {
                const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
                if (field === "event") {
                    event = value;
                } else if (field === "data") {
                    data.push(value);
                } else if (line === "" && data.length) {
                    yield { event, data: JSON.parse(data.join("\n")) };
                    event = "message";
                    data = [];
                }
            }
        }
    }

    // the methods
}
