import { existsSync, readFileSync } from 'node:fs';
import type { Document } from 'yaml';
import { BdError, messageOf } from '../../core/errors.ts';
import { writeFileAtomically } from '../../platform/files.ts';
import { readPlainSettings } from './plain-settings.ts';

/** The settings in `config.yaml` by dotted key; none where there is no file. */
export async function readConfigFile(path: string): Promise<Map<string, string>> {
  return readPlainSettings(readText(path)) ?? flatten(await readDocument(path));
}

/** Sets one, or removes it where `value` is undefined; all else stays as people wrote it. Returns what is set then. */
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
    remedy: 'Mend the file; each line is "key: value".',
  });
}

/** Nested maps and dotted keys are the same to the reader. */
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

/** Where the key stands already (`sync.push: …` or under `sync:`), else nested. */
function placeOf(document: Document, key: string): string[] {
  return document.has(key) ? [key] : key.split('.');
}

/** With the sections that are empty then. */
function removeFrom(document: Document, place: readonly string[]): void {
  if (!document.hasIn(place)) return;
  document.deleteIn(place);
  const section = place.slice(0, -1);
  if (section.length === 0) return;
  const left: unknown = document.getIn(section);
  if (isEmptySection(left)) removeFrom(document, section);
}

function isEmptySection(node: unknown): boolean {
  if (typeof node !== 'object' || node === null || !('items' in node)) return false;
  return Array.isArray(node.items) && node.items.length === 0;
}

function scalar(value: string): string | number | boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  return /^(0|[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
}
