/** The versions of docs/PROTOCOL.md that one side speaks, from the oldest to the newest. */
export interface ProtocolRange {
  min: number;
  max: number;
}

/** What this program speaks. `max` grows with a change that an older other side would get wrong. */
export const PROTOCOL: ProtocolRange = { min: 1, max: 1 };
