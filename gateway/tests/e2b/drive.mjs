// SPDX-License-Identifier: MIT
// Drives a gateway by the unmodified npm package `e2b`, and prints what it found as JSON.
import { Sandbox, FileType } from 'e2b'

const [template, prefix, short] = process.argv.slice(2)
const said = {}
const box = await Sandbox.create(template, { timeoutMs: 120_000, envs: { A: 'one' } })

said.id = box.sandboxId
const run = await box.commands.run('echo $A $B; echo no >&2', { envs: { B: 'two' } })
said.run = [run.stdout, run.stderr, run.exitCode]
const pieces = []
await box.commands.run('echo a; sleep 0.3; echo b', { onStdout: (text) => pieces.push(text) })
said.pieces = pieces.join('')
try {
  await box.commands.run('exit 7')
} catch (error) {
  said.failed = [error.name, error.exitCode]
}
const cat = await box.commands.run('cat; echo end', { background: true, stdin: true })
said.listed = (await box.commands.list()).map((each) => [each.pid === cat.pid, each.cmd, each.args.at(-1)])
await box.commands.sendStdin(cat.pid, 'typed ')
await box.commands.closeStdin(cat.pid)
said.cat = (await cat.wait()).stdout
const slow = await box.commands.run('sleep 100', { background: true })
said.killed = [await slow.kill(), await slow.wait().catch((error) => error.exitCode)]
said.killedAgain = await box.commands.kill(slow.pid)

const text = 'text with\r\n--boundary? and ü, '.repeat(short ? 40 : 4000)
const written = await box.files.write(`${prefix}/new/file.txt`, text)
said.written = [written.name, written.path]
said.read = (await box.files.read(`${prefix}/new/file.txt`)) === text
said.empty = [(await box.files.write(`${prefix}/new/none`, '')).name, await box.files.read(`${prefix}/new/none`)]
said.made = [await box.files.makeDir(`${prefix}/new/folder`), await box.files.makeDir(`${prefix}/new/folder`)]
said.entries = (await box.files.list(`${prefix}/new`)).map((each) => [each.name, each.type === FileType.DIR, each.path]).sort()
said.info = (await box.files.getInfo(`${prefix}/new/file.txt`)).size === Buffer.byteLength(text)
said.moved = (await box.files.rename(`${prefix}/new/file.txt`, `${prefix}/new/other`)).path
said.exists = [await box.files.exists(`${prefix}/new/other`), await box.files.exists(`${prefix}/new/file.txt`)]
await box.files.remove(`${prefix}/new/other`)
said.gone = await box.files.read(`${prefix}/new/other`).catch((error) => error.name)

await box.files.write(`${prefix}/before`, 'fork')
const [fork] = await box.fork({ timeoutMs: 60_000 })
said.fork = [fork.sandboxId !== box.sandboxId, await fork.files.read(`${prefix}/before`), (await fork.commands.run('echo $A')).stdout, await fork.kill()]
said.state = (await box.getInfo()).state
said.all = (await Sandbox.list().nextItems()).map((each) => each.sandboxId === box.sandboxId)
said.paused = [await box.pause(), await box.pause(), (await box.getInfo()).state]
const again = await Sandbox.connect(box.sandboxId, { timeoutMs: 60_000 })
said.again = (await again.commands.run('echo again')).stdout
await box.setTimeout(30_000)
const left = (await box.getInfo()).endAt.getTime() - Date.now()
said.left = left > 20_000 && left < 35_000
said.running = await box.isRunning()
said.end = [await box.kill(), await box.kill(), await box.isRunning()]
said.after = await box.commands.run('true').catch((error) => error.name)
console.log(JSON.stringify(said))
