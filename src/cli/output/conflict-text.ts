import { isLongText, keyOfField, kindOf } from '../../core/causal/field-key.ts';
import type { StatusGroup } from '../../core/causal/issue-state.ts';
import { TOMBSTONE, type Comment, type Dependency } from '../../core/issue.ts';
import { shellWord } from '../../core/shell-word.ts';
import type { Result } from '../../protocol/methods.ts';
import type { ConflictJson, ConflictKind, VersionJson } from '../../protocol/methods/conflict.ts';
import { alignColumns } from './columns.ts';
import { renderMoment, cutToWidth, indent, oneLine, severalLines } from './printable.ts';
import type { Screen } from './screen.ts';

/** Columns that one value may take in the list. */
const VALUE_WIDTH = 32;

/** A line for each conflict: issue, field, shown value, other values. */
export function renderConflictRows(conflicts: readonly ConflictJson[], screen: Screen): string {
  const heading = ['ISSUE', 'FIELD', 'SHOWN', 'OTHERS'];
  const rows = conflicts.map((conflict) => [
    conflict.issue_id,
    oneLine(conflict.field),
    conflict.kind === 'cycle' ? '(does not count)' : short(conflict.field, conflict.shown),
    othersInShort(conflict),
  ]);
  return alignColumns([heading.map((text) => ({ text, paint: screen.dim })), ...rows], screen);
}

function othersInShort({ field, kind, others }: ConflictJson): string {
  if (kind === 'cycle') return '(closes a cycle)';
  const values = others.map((other) => short(field, other)).join(' | ');
  return kind === 'edited-while-deleted' ? `(issue deleted) ${values}`.trimEnd() : values;
}

function short(field: string, { value }: VersionJson): string {
  return cutToWidth(oneLine(summary(field, value)), VALUE_WIDTH);
}

/** The files of unreadable lines; empty when there are none. */
export function renderKeptAside(files: readonly string[]): string {
  if (files.length === 0) return '';
  const list = files.map((file) => `  ${oneLine(file)}\n`).join('');
  return `\nLines that could not be read are kept in:\n${list}Fix them, import them with \`bd import -i FILE\`, and remove the file.\n`;
}

/** Every value in full, with its writer and time, and the commands that settle the conflict. */
export function renderConflicts(conflicts: readonly ConflictJson[], screen: Screen): string {
  const edits = conflicts.filter(({ kind }) => kind === 'edited-while-deleted');
  const rest = conflicts.filter(({ kind }) => kind !== 'edited-while-deleted');
  return [
    ...(edits.length > 0 ? [renderLateEdits(edits, screen)] : []),
    ...rest.map((conflict) => renderConflict(conflict, screen)),
  ].join('\n');
}

/** One decision settles all of them. */
function renderLateEdits(edits: readonly ConflictJson[], screen: Screen): string {
  const [{ issue_id: id, field } = { issue_id: '', field: '' }] = edits;
  const command = `bd conflicts resolve ${id} ${shellWord(oneLine(field))}`;
  return [
    'Deleted here, and edited in a clone that did not have the deletion yet:\n',
    ...edits.map(
      ({ field: name, shown, others }) =>
        `${screen.bold(oneLine(name))}\n${renderVersion('edit', { field: name, ...shown }, screen)}` +
        others.map((other) => renderVersion('else', { field: name, ...other }, screen)).join(''),
    ),
    `  ${command} --take winner  # leaves it deleted\n`,
    `  ${command} --take other   # brings it back, with all edits\n`,
  ].join('');
}

function renderConflict(conflict: ConflictJson, screen: Screen): string {
  const { issue_id: id, field, kind, shown, others } = conflict;
  const command = `bd conflicts resolve ${id} ${shellWord(oneLine(field))}`;
  const version = (name: string, each: VersionJson): string =>
    renderVersion(name, { field, ...each }, screen);
  const heading = `${screen.bold(oneLine(field))}${EXPLANATIONS[kind]}\n`;
  if (kind === 'cycle') {
    const edges = others.map((other) => version('edge', other)).join('');
    return `${heading}${edges}  ${command} --take winner  # removes it for good\n`;
  }
  return [
    heading,
    version('winner', shown),
    ...others.map((other, at) => version(`${at + 1}`, other)),
    ...choicesFor(conflict).map((choice) => `  ${command} ${choice}\n`),
  ].join('');
}

const EXPLANATIONS: Readonly<Record<ConflictKind, string>> = {
  values: '',
  'edited-while-deleted': '',
  'id-collision': ', of two issues that were created with one id',
  'duplicate-write': ', written under one name by a clone and its copy',
  cycle: ', which does not count as it closes a cycle',
};

function renderVersion(
  name: string,
  { field, value, written_at: at, replica }: VersionJson & { field: string },
  screen: Screen,
): string {
  const written = at === null ? '' : `  ${renderMoment(at)} by ${replica ?? ''}`;
  const text = severalLines(whole(field, value)).trimEnd();
  return `  ${name}${screen.dim(written)}\n${indent(text, '    ')}\n`;
}

export function renderSettled({ issue, field, kind, value }: Result<'resolve_conflict'>): string {
  if (kind === 'cycle') return `Removed ${oneLine(field)} of ${issue.id}\n`;
  if (kind === 'edited-while-deleted') {
    return issue.status === TOMBSTONE
      ? `${issue.id} stays deleted\n`
      : `Restored ${issue.id}: ${oneLine(issue.title)}\n`;
  }
  return `Settled ${oneLine(field)} of ${issue.id}: ${oneLine(summary(field, value))}\n`;
}

function choicesFor({ field, others }: ConflictJson): string[] {
  const takes = ['winner', ...(others.length === 1 ? ['other'] : others.map((_, at) => at + 1))];
  return [
    ...takes.map((take) => `--take ${take}`),
    ...(isWritten(field) ? ['--value <value>'] : []),
    ...(isLongText(keyOfField(field)) ? ['--merge'] : []),
  ];
}

function isWritten(field: string): boolean {
  const kind = kindOf(keyOfField(field)) ?? '';
  return !['created', 'deleted', 'label', 'edge', 'metadata_order'].includes(kind);
}

/** The value of a field for people, in short. */
function summary(field: string, value: unknown): string {
  if (kindOf(keyOfField(field)) !== 'state') return whole(field, value);
  const { status, close_reason: reason } = value as StatusGroup;
  return reason === undefined ? status : `${status}, ${reason}`;
}

/** Texts unchanged, grouped fields in one line. */
function whole(field: string, value: unknown): string {
  if (value === null) return '(none)';
  switch (kindOf(keyOfField(field))) {
    case 'comment':
      return (value as Comment).text;
    case 'edge': {
      const { type, depends_on_id: target } = value as Dependency;
      return `${type} ${target}`;
    }
    case 'state':
    case 'created':
    case 'deleted':
      return Object.values(value as object)
        .map(String)
        .join(', ');
    default:
      return typeof value === 'string' ? value : JSON.stringify(value);
  }
}
