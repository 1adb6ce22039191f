import { spawn, type ChildProcess } from 'node:child_process';
import { GIT_KILL_GRACE_MS } from '../core/limits.ts';

/** How a child ended by itself. */
export interface GitResult {
  exitCode: number;
  /** Whole and unchanged: issue files are larger than one would decode twice. */
  stdout: Buffer;
  stderr: string;
}

interface GroupOptions {
  directory: string;
  environment: Record<string, string>;
  input?: string | Uint8Array;
  timeoutMs: number;
  signal?: AbortSignal;
}

/** Or it was stopped, at its deadline or by its signal, or there is no git to start. */
type GroupEnd = GitResult | 'late' | 'aborted' | { missing: string };

/**
 * Runs git as the leader of a process group and of a session without a terminal. The programs it starts to
 * reach a remote (ssh, a credential helper) belong to the group, so all of them end at the deadline.
 * simple-git can stop only git itself, and its ssh would live on.
 */
export function runInGroup(args: readonly string[], options: GroupOptions): Promise<GroupEnd> {
  const { directory, environment, input = '', timeoutMs, signal } = options;
  return new Promise((resolve) => {
    const child = spawn('git', args, { cwd: directory, env: environment, detached: true });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    let stopped: 'late' | 'aborted' | undefined;
    let grace: NodeJS.Timeout | undefined;
    const stop = (why: 'late' | 'aborted'): void => {
      if (stopped !== undefined) return;
      stopped = why;
      // SIGTERM first: git then removes its lock files.
      signalGroup(child, 'SIGTERM');
      grace = setTimeout(() => end(why), GIT_KILL_GRACE_MS);
    };
    const onAbort = (): void => stop('aborted');
    const deadline = setTimeout(() => stop('late'), timeoutMs);
    const end = (result: GroupEnd): void => {
      clearTimeout(deadline);
      clearTimeout(grace);
      signal?.removeEventListener('abort', onAbort);
      // Also after git ended by itself: no process of its group may stay behind.
      signalGroup(child, 'SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(result);
    };
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
    child.on('error', (error) => end({ missing: error.message }));
    child.on('close', (exitCode) => {
      const result = { exitCode: exitCode ?? 1, stdout: stdout(), stderr: stderr().toString() };
      end(stopped ?? result);
    });
    // A git that reads no input may have ended before all of it is written.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

function collect(stream: NodeJS.ReadableStream): () => Buffer {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks);
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The whole group has ended already.
  }
}
