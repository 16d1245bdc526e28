// SPDX-License-Identifier: MIT
// Makes the calls that its input lists, with the client in JavaScript, and prints what each came to.
import fs from "node:fs";

const { module, options, calls } = JSON.parse(fs.readFileSync(0));
const { Skerry, Problem } = await import(module);
const client = new Skerry(options);

async function made({ name, first, named, events }) {
    const method = name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
    try {
        let result = client[method](...first.map((word) => word.base64 ? Buffer.from(word.base64, "base64") : word), named);
        if (events) {
            const found = [];
            for await (const { event, data } of result) {
                found.push([event, data]);
                if (found.length === events)
                    break;
            }
            return { result: found };
        }
        result = await result;
        return { result: Buffer.isBuffer(result) ? { base64: result.toString("base64") } : result ?? null };
    } catch (error) {
        if (!(error instanceof Problem))
            return { error: String(error.message) };
        return { problem: [error.status, error.code, error.detail] };
    }
}

const results = [];
for (const call of calls)
    results.push(await made(call));
console.log(JSON.stringify(results));
