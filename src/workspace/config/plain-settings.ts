const SECTION = /^([A-Za-z_][\w.-]*):\s*(?:#.*)?$/;
const SETTING = /^( {2})?([A-Za-z_][\w.-]*): +([A-Za-z0-9][\w./@-]*)(?:\s+#.*)?\s*$/;
const NOTHING = /^\s*(?:#.*)?$/;

/** Words, numbers and times such as `5s` that mean the same to YAML: no `null`, no `010`, no `1e3`, no date. */
const PLAIN_VALUE =
  /^(?:true|false|0|[1-9]\d{0,14}(?:ms|[smh])?|(?!(?:true|false|null|y|n|yes|no|on|off)$)[A-Za-z][\w./@-]*)$/i;

/**
 * The settings of a file that is as simple as nearly all are: `key: word`, or one level of sections.
 * Undefined for anything else, which is YAML's business: its library costs every first call 15 ms.
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
