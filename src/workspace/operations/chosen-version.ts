import type { Value } from '../../core/causal/issue-state.ts';
import { BdError } from '../../core/errors.ts';
import type { OpenConflict } from './open-conflicts.ts';

const EXCERPT_CHARS = 60;

/** The version that `take` names: `winner` is the one that is shown, numbers count the others from 1. */
export function chosenVersion({ json, values }: OpenConflict, take: string): Value {
  const others = values.slice(1);
  if (take === 'winner') return values[0];
  if (take === 'other' && others.length === 1) return others[0];
  const number = /^\d+$/.test(take) ? Number(take) : 0;
  if (number >= 1 && number <= others.length) return others[number - 1];
  const numbered = json.others.map(({ value }, at) => `${at + 1} is ${excerpt(value)}`).join(', ');
  throw new BdError('INVALID_VALUE', {
    message:
      take === 'other'
        ? `${json.field} of ${json.issue_id} has ${others.length} other values`
        : `${json.field} of ${json.issue_id} has no value "${take}" to take`,
    remedy:
      numbered === ''
        ? 'Take `winner`: there is no other value.'
        : `Take \`winner\`, which is ${excerpt(json.shown.value)}, or a number: ${numbered}.`,
  });
}

function excerpt(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > EXCERPT_CHARS ? `${text.slice(0, EXCERPT_CHARS - 1)}…` : text;
}
