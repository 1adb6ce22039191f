import { existsSync, readFileSync } from 'node:fs';
import type { Document } from 'yaml';
import { BdError, messageOf } from '../../core/errors.ts';
import { writeFileAtomically } from '../../platform/files.ts';

/** The settings in `config.yaml` by dotted key; none when there is no file. */
export async function readConfigFile(path: string): Promise<Map<string, string>> {
  return readPlainSettings(readText(path)) ?? flatten(await readDocument(path));
}

/** Sets a setting, or removes it when `value` is undefined. Keeps everything else as it is written. Returns all settings. */
export async function editConfigFile(
  path: string,
  { key, value }: { key: string; value: string | undefined },
): Promise<Map<string, string>> {
  const document = await readDocument(path);
  const place = placeOf(document, key);
  if (value === undefined) removeFrom(document, place);
  else document.setIn(place, scalar(value));
  await writeFileAtomically(path, document.toString());
  return flatten(document);
}

function readText(path: string): string {
  if (!existsSync(path)) return '';
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, messageOf(error));
  }
}

async function readDocument(path: string): Promise<Document> {
  const { isMap, parseDocument } = await import('yaml');
  const document = parseDocument(readText(path));
  const problem = document.errors[0]?.message.split('\n')[0]?.replace(/:$/, '');
  if (problem === undefined && (document.contents === null || isMap(document.contents))) {
    return document;
  }
  throw unreadable(path, problem ?? 'it is not a list of settings');
}

function unreadable(path: string, problem: string): BdError {
  return new BdError('FILE_UNUSABLE', {
    message: `cannot read ${path}: ${problem}`,
    remedy: 'Correct the file; each line is "key: value".',
  });
}

/** Nested maps and dotted keys mean the same. */
function flatten(document: Document): Map<string, string> {
  const values = new Map<string, string>();
  const visit = (value: unknown, key: string): void => {
    if (Array.isArray(value)) values.set(key, value.join(','));
    else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        visit(member, key === '' ? name : `${key}.${name}`);
      }
    } else if (typeof value === 'string') values.set(key, value);
    else if (typeof value === 'number' || typeof value === 'boolean') values.set(key, `${value}`);
  };
  visit(document.toJS(), '');
  return values;
}

/** Where the key is already, as `sync.push: …` or under `sync:`; a new one is nested. */
function placeOf(document: Document, key: string): string[] {
  return document.has(key) ? [key] : key.split('.');
}

/** Also removes the sections that this leaves empty. */
function removeFrom(document: Document, place: readonly string[]): void {
  if (!document.hasIn(place)) return;
  document.deleteIn(place);
  const section = place.slice(0, -1);
  if (section.length === 0) return;
  const left = document.getIn(section) as { items?: unknown[] } | null | undefined;
  if (left?.items?.length === 0) removeFrom(document, section);
}

function scalar(value: string): string | number | boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  return /^(0|[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
}

const SECTION = /^([A-Za-z_][\w.-]*):\s*(?:#.*)?$/;
const SETTING = /^( {2})?([A-Za-z_][\w.-]*): +([A-Za-z0-9][\w./@-]*)(?:\s+#.*)?\s*$/;
const NOTHING = /^\s*(?:#.*)?$/;

/** Words, numbers and times such as `5s` that YAML reads the same way: no `null`, `010`, `1e3` or date. */
const PLAIN_VALUE =
  /^(?:true|false|0|[1-9]\d{0,14}(?:ms|[smh])?|(?!(?:true|false|null|y|n|yes|no|on|off)$)[A-Za-z][\w./@-]*)$/i;

/**
 * The settings of a simple file, as nearly all are: `key: word`, or one level of sections. Undefined for any
 * other, which needs the YAML library: loading that costs a first call 15 ms.
 */
export function readPlainSettings(text: string): Map<string, string> | undefined {
  const settings = new Map<string, string>();
  const topLevel = new Set<string>();
  let section = '';
  for (const line of text.split('\n')) {
    if (NOTHING.test(line)) continue;
    const opened = SECTION.exec(line)?.[1];
    if (opened !== undefined) {
      if (topLevel.has(opened)) return undefined;
      topLevel.add(opened);
      section = opened;
      continue;
    }
    const [, indent, key, value] = SETTING.exec(line) ?? [];
    if (key === undefined || value === undefined || !PLAIN_VALUE.test(value)) return undefined;
    if (/^(?:true|false)$/i.test(value) && value !== value.toLowerCase()) return undefined;
    const isTopLevel = indent === undefined;
    if (isTopLevel ? topLevel.has(key) : section === '') return undefined;
    if (isTopLevel) {
      topLevel.add(key);
      section = '';
    }
    const name = isTopLevel ? key : `${section}.${key}`;
    if (settings.has(name)) return undefined;
    settings.set(name, value);
  }
  return settings;
}
