import type { BdError } from '../../core/errors.ts';
import type { CommandIo } from '../command-io.ts';

/** On stderr for people; with `--json` on stdout too, so that a client always has JSON to read. */
export function printFailure(
  failure: BdError,
  io: CommandIo,
  { isJson }: { isJson: boolean },
): number {
  io.stderr(`Error: ${failure.message}\n${failure.remedy}\n`);
  if (isJson) io.stdout(failureJson(failure));
  return failure.exitCode;
}

export function failureJson({ message, code, remedy }: BdError): string {
  return toJson({ error: message, code, remedy });
}

export function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
