// A chart as a picture: its title and the names of its series are text of the page, so they are drawn here.
import { FONT, type Drawing } from './charts/chart.js';
import type { EChartsType } from './charts/engine.js';
import { el, oneLine, shorten } from './dom.js';
import { save } from './save.js';
import type { Colors } from './theme.js';

const EDGE = 20;
const LINE = 22;
const SCALE = 2;

export function savePng(chart: EChartsType, title: string, drawing: Drawing | null, colors: Colors): void {
  const legend = drawing?.legend ?? [];
  const picture = chart.renderToCanvas({ pixelRatio: SCALE, backgroundColor: colors.surface });
  const width = picture.width / SCALE + 2 * EDGE;
  const canvas = el('canvas');
  const context = canvas.getContext('2d');
  if (!context) return;
  context.font = `13px ${FONT}`;
  const rows = wrap(legend, width - 2 * EDGE, (text) => context.measureText(text).width);
  const top = EDGE + LINE + 6 + rows.length * LINE;
  canvas.width = width * SCALE;
  canvas.height = (top + EDGE) * SCALE + picture.height;
  context.scale(SCALE, SCALE);
  context.fillStyle = colors.surface;
  context.fillRect(0, 0, width, canvas.height / SCALE);
  context.textBaseline = 'middle';
  context.fillStyle = colors.text;
  context.font = `600 16px ${FONT}`;
  context.fillText(shorten(oneLine(title), 100), EDGE, EDGE + LINE / 2, width - 2 * EDGE);
  context.font = `13px ${FONT}`;
  rows.forEach((row, index) => {
    const y = EDGE + LINE + 6 + (index + 0.5) * LINE;
    for (const { color, text, x } of row) {
      context.fillStyle = color;
      context.fillRect(EDGE + x, y - 5, 10, 10);
      context.fillStyle = colors.text;
      context.fillText(text, EDGE + x + 16, y + 1);
    }
  });
  context.drawImage(picture, EDGE, top, picture.width / SCALE, picture.height / SCALE);
  canvas.toBlob((blob) => blob && save(blob, `${fileName(title)}.png`), 'image/png');
}

interface Entry {
  color: string;
  text: string;
  x: number;
}

function wrap(legend: Drawing['legend'], width: number, measure: (text: string) => number): Entry[][] {
  const rows: Entry[][] = [];
  let x = Infinity;
  for (const { name, color, note } of legend) {
    const text = [shorten(oneLine(name), 40), note].filter(Boolean).join(' ');
    const size = 16 + measure(text) + 16;
    if (x + size > width) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1)?.push({ color, text, x });
    x += size;
  }
  return rows;
}

function fileName(title: string): string {
  return title.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '').slice(0, 80) || 'chart';
}
