import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Document } from 'yaml';
import { BdError } from '../core/errors.ts';
import { SYNC_MODES } from '../core/sharing.ts';
import type { Environment } from '../platform/environment.ts';
import { writeFileAtomically } from '../platform/files.ts';
import { readPlainSettings } from './plain-settings.ts';

export interface ConfigValue {
  key: string;
  value: string;
  /** `default`, the file's path, or the name of the environment variable. */
  source: string;
}

/**
 * Settings by dotted key: environment over `.beads/config.yaml` over default. Keys that bd does not
 * know are kept for other tools.
 */
export interface Config {
  get(key: string): string | undefined;
  text(key: KnownKey): string;
  whole(key: KnownKey): number;
  truth(key: KnownKey): boolean;
  /** Comma-separated. */
  list(key: KnownKey): string[];
  /** What is set, and by whom; known keys that are not set come with their default. */
  entries(): Promise<ConfigValue[]>;
  set(key: string, value: string): Promise<void>;
  unset(key: string): Promise<void>;
}

type Kind = 'text' | 'whole' | 'truth' | 'list';

interface KnownSetting {
  kind: Kind;
  value: string;
  choices?: readonly string[];
  /** The smallest whole number: none makes the daemon spin. */
  min?: number;
}

const KNOWN = {
  issue_prefix: { kind: 'text', value: 'bd' },
  actor: { kind: 'text', value: '' },
  'status.custom': { kind: 'list', value: '' },
  'types.custom': { kind: 'list', value: '' },
  'sync.mode': { kind: 'text', value: 'branch', choices: SYNC_MODES },
  'sync.push': { kind: 'truth', value: 'true' },
  'sync.remote': { kind: 'text', value: '' },
  'sync.branch': { kind: 'text', value: 'beads-sync' },
  'sync.quiet_ms': { kind: 'whole', value: '300', min: 0 },
  'sync.delay_max_ms': { kind: 'whole', value: '5000', min: 100 },
  'sync.batch_max': { kind: 'whole', value: '100', min: 1 },
  'sync.fetch_active_ms': { kind: 'whole', value: '5000', min: 500 },
  'sync.fetch_idle_ms': { kind: 'whole', value: '60000', min: 500 },
} as const satisfies Record<string, KnownSetting>;

export type KnownKey = keyof typeof KNOWN;

const KEY_SHAPE = /^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/;

function configPath(beadsDir: string): string {
  return join(beadsDir, 'config.yaml');
}

/** Reads the file once; `set` and `unset` keep it and its comments. */
export async function openConfig(beadsDir: string, { env }: { env: Environment }): Promise<Config> {
  const path = configPath(beadsDir);
  let values = new Map<string, string>();

  const lookup = (key: string): ConfigValue | undefined => {
    const variable = variableFor(key);
    const fromEnvironment = env[variable];
    if (fromEnvironment !== undefined) return { key, value: fromEnvironment, source: variable };
    const fromFile = values.get(key);
    if (fromFile !== undefined) return { key, value: fromFile, source: path };
    return isKnown(key) ? { key, value: KNOWN[key].value, source: 'default' } : undefined;
  };
  const known = (key: KnownKey): string => {
    return lookup(key)?.value ?? KNOWN[key].value;
  };
  /** Refuses the whole file for one wrong value: half of somebody's wishes is not what they asked for. */
  const load = async (): Promise<void> => {
    const before = values;
    values = await readValues(path);
    try {
      for (const key of Object.keys(KNOWN)) {
        const found = lookup(key);
        if (found !== undefined) checkValue(key, found.value, found.source);
      }
    } catch (error) {
      values = before;
      throw error;
    }
  };
  await load();
  const edit = async (change: (document: Document) => void): Promise<void> => {
    const document = await readDocument(path);
    change(document);
    await writeFileAtomically(path, document.toString());
    values = flatten(document);
  };

  return {
    get: (key) => lookup(key)?.value,
    text: known,
    whole: (key) => Number(known(key)),
    truth: (key) => known(key) === 'true',
    list: (key) => splitList(known(key)),
    async entries() {
      await load();
      const keys = [...new Set([...Object.keys(KNOWN), ...values.keys()])].sort();
      return keys.flatMap((key) => lookup(key) ?? []);
    },
    async set(key, value) {
      checkKey(key);
      checkValue(key, value, 'bd config set');
      await edit((document) => document.setIn(placeOf(document, key), scalar(value)));
    },
    async unset(key) {
      checkKey(key);
      await edit((document) => removeFrom(document, placeOf(document, key)));
    },
  };
}

/** `sync.push` → `BD_SYNC_PUSH`. */
function variableFor(key: string): string {
  return `BD_${key.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function isKnown(key: string): key is KnownKey {
  return Object.hasOwn(KNOWN, key);
}

function checkKey(key: string): void {
  if (KEY_SHAPE.test(key)) return;
  throw new BdError('INVALID_VALUE', {
    message: `"${key}" is not a setting's name`,
    remedy: 'Use letters, digits, "_" and "-" in parts joined by dots, as in sync.push.',
  });
}

function checkValue(key: string, value: string, source: string): void {
  if (!isKnown(key)) return;
  const entry: KnownSetting = KNOWN[key];
  const expected =
    entry.kind === 'truth' && value !== 'true' && value !== 'false'
      ? 'true or false'
      : entry.kind === 'whole' && !(/^\d{1,9}$/.test(value) && Number(value) >= (entry.min ?? 0))
        ? `a whole number, ${entry.min ?? 0} or more`
        : entry.choices !== undefined && !entry.choices.includes(value)
          ? `one of: ${entry.choices.join(', ')}`
          : undefined;
  if (expected === undefined) return;
  throw new BdError('INVALID_VALUE', {
    message: `${key} is "${value}" (from ${source})`,
    remedy: `Set it to ${expected}.`,
  });
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

async function readValues(path: string): Promise<Map<string, string>> {
  return readPlainSettings(readText(path)) ?? flatten(await readDocument(path));
}

async function readDocument(path: string): Promise<Document> {
  const { isMap, parseDocument } = await import('yaml');
  const document = parseDocument(readText(path));
  const problem = document.errors[0]?.message.split('\n')[0];
  if (problem === undefined && (document.contents === null || isMap(document.contents))) {
    return document;
  }
  throw new BdError('FILE_UNUSABLE', {
    message: `cannot read ${path}: ${problem ?? 'it is not a list of settings'}`,
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
