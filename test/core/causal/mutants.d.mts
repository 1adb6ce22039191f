export const FAULTS: readonly { name: string; file: string; text: string; fault: string }[];
