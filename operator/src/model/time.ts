/**
 * RFC 3339 times, as Kubernetes writes them (UTC, whole seconds), to and from ms since the epoch.
 * Pure arithmetic, for layers without `Date`: days by Hinnant's civil-calendar algorithms
 * (https://howardhinnant.github.io/date_algorithms.html).
 */

const SECOND_MS = 1_000;
const DAY_SECONDS = 86_400;
/** Days of a 400-year era of the Gregorian calendar. */
const ERA_DAYS = 146_097;
/** From 0000-03-01 to 1970-01-01: years are counted from March, so that a leap day ends one. */
const EPOCH_DAYS = 719_468;

const pad = (value: number, digits = 2): string => String(value).padStart(digits, "0");

/** `2026-11-22T19:05:31Z`; the fraction of a second is cut off. For the years 0 to 9999. */
export function formatTime(ms: number): string {
  const seconds = Math.floor(ms / SECOND_MS);
  const days = Math.floor(seconds / DAY_SECONDS);
  const ofDay = seconds - days * DAY_SECONDS;
  const [hour, minute] = [Math.floor(ofDay / 3_600), Math.floor((ofDay % 3_600) / 60)];
  return `${formatDate(days)}T${pad(hour)}:${pad(minute)}:${pad(ofDay % 60)}Z`;
}

function formatDate(daysSinceEpoch: number): string {
  const days = daysSinceEpoch + EPOCH_DAYS;
  const era = Math.floor(days / ERA_DAYS);
  const dayOfEra = days - era * ERA_DAYS;
  const leapDays =
    Math.floor(dayOfEra / 1_460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - daysBeforeYear(yearOfEra);
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}`;
}

const daysBeforeYear = (year: number): number =>
  365 * year + Math.floor(year / 4) - Math.floor(year / 100);

const pattern =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** ms since the epoch, or null when `text` is not an RFC 3339 time. */
export function parseTime(text: string): number | null {
  const match = pattern.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
  if (year === undefined || month === undefined || day === undefined) return null;
  if (hour === undefined || minute === undefined || second === undefined) return null;
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) {
    return null;
  }
  const [fraction = "", sign, offsetHour = "0", offsetMinute = "0"] = match.slice(7);
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === "-" ? -60 : 60);
  const ofDay = hour * 3_600 + minute * 60 + second - offset;
  const ms = Number(fraction.padEnd(3, "0").slice(0, 3));
  return (countDays(year, month, day) * DAY_SECONDS + ofDay) * SECOND_MS + ms;
}

function countDays(civilYear: number, month: number, day: number): number {
  const year = month <= 2 ? civilYear - 1 : civilYear;
  const era = Math.floor(year / 400);
  const yearOfEra = year - era * 400;
  const marchMonth = month > 2 ? month - 3 : month + 9;
  const dayOfYear = Math.floor((153 * marchMonth + 2) / 5) + day - 1;
  return era * ERA_DAYS + daysBeforeYear(yearOfEra) + dayOfYear - EPOCH_DAYS;
}
