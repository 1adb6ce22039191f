import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A file system of its own with little room, which only the programs see that are started in it. */
export interface SmallDisk extends Disposable {
  /** What goes before a program and its arguments to start it there, in `directory`. */
  startIn(directory: string): string[];
}

/** Needs no privileges, but a kernel that gives them away in a namespace; without, says why not. */
export async function mountSmallDisk(
  directory: string,
  { megabytes }: { megabytes: number },
): Promise<{ disk: SmallDisk } | { refusal: string }> {
  const mount = 'mount -t tmpfs -o "size=$1m" none "$0" && echo mounted && exec cat';
  const holder = spawn(
    'unshare',
    ['--user', '--map-root-user', '--mount', 'sh', '-c', mount, directory, String(megabytes)],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let said = '';
  holder.stderr.on('data', (chunk: Buffer) => (said += String(chunk)));
  holder.stdin.on('error', () => {});
  const failed = new Promise<string>((resolve) => {
    holder.on('error', ({ message }) => resolve(message));
    holder.on('close', () => resolve(said.trim()));
  });
  const ready = once(createInterface(holder.stdout), 'line').then(() => undefined);
  const refusal = await Promise.race([ready, failed]);
  if (refusal !== undefined) return { refusal };
  const namespaces = ['--target', String(holder.pid), '--user', '--mount'];
  const enter = ['nsenter', ...namespaces, '--preserve-credentials', '--'];
  return {
    disk: {
      startIn: (at) => [...enter, 'sh', '-c', 'cd "$0" && exec "$@"', at],
      // Gone with the last program in it.
      [Symbol.dispose]: () => void holder.stdin.end(),
    },
  };
}
