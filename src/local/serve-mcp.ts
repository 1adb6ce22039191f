import { readActor } from '../client/client-environment.ts';
import { bridgeMcp } from '../client/mcp-bridge.ts';
import { findHere, type ClientHost } from './client-host.ts';
import type { CommandIo } from '../cli/command-io.ts';
import { noDaemon, refusedBySwitch } from './daemon-refusal.ts';
import { given } from '../core/omit-undefined.ts';
import { connectOrStart } from './start-daemon.ts';

/** Connects standard input and output to the daemon until either ends; returns the exit code. */
export async function serveMcp(
  io: CommandIo,
  host: ClientHost,
  { prepare }: { prepare: () => Promise<boolean> },
): Promise<number> {
  return await bridgeMcp({
    input: host.stdin,
    output: host.stdout,
    async connect() {
      await prepare();
      const beadsDir = findHere(host);
      const off = refusedBySwitch(beadsDir);
      if (off !== undefined) throw noDaemon(off);
      return await connectOrStart(beadsDir, host);
    },
    hello: given({ cwd: host.cwd, actor: readActor(host.env) }),
    say: (text) => io.stderr(text),
  });
}
