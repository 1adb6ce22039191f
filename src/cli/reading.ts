const READING =
  /^(get|list|count|read|preview|explain|dependency|epic)_|^(ping|resolve_id)$|_status$/;

/** Whether the method changes nothing that anybody keeps. */
export function isReading(method: string): boolean {
  return READING.test(method);
}
