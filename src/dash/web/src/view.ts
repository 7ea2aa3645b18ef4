// What stands in a tile: a chart on a canvas, a number, a table, or words.
import type { Chosen, Drawing, Mark } from './charts/chart.js';
import { draw, type CanvasKind } from './charts/draw.js';
import { createChart, type EChartsType } from './charts/engine.js';
import type { Shapes } from './charts/shapes.js';
import { ChartError, findColumn, KINDS, list, parseKind, parseOptions, xColumn, type ChartKind, type Options } from './charts/spec.js';
import { valueView } from './charts/value.js';
import type { Column } from './columns.js';
import type { Result } from './data.js';
import { el } from './dom.js';
import { count } from './format.js';
import type { Values } from './inputs.js';
import { Legend } from './legend.js';
import { rowsOfChart, tableView, type TableSettings } from './table.js';
import type { Colors, Theme } from './theme.js';

/** Pixels. */
const HEIGHT = 300;

export class View {
  /** Null when it is none: that is said where the rows would be. */
  readonly kind: ChartKind | null;
  readonly options: Options;
  chart: EChartsType | null = null;
  drawing: Drawing | null = null;
  /** Of a map that has its own. */
  shapes: Shapes | null = null;
  private readonly hidden = new Set<string>();
  private readonly legend: Legend;
  private result: Result | null = null;

  constructor(
    private readonly box: HTMLElement,
    private readonly figure: HTMLElement,
    private readonly title: () => string,
    private readonly theme: Theme,
    private readonly inputs: () => Values,
  ) {
    this.options = parseOptions(figure.dataset['options']);
    this.kind = parseKind(figure.dataset['chart']);
    this.legend = new Legend(this.hidden, () => this.result && this.show(this.result, false));
    // As high as what will come, so that the page does not jump.
    if (this.kind !== 'value' && this.kind !== 'table') box.style.minHeight = `${this.height() ?? HEIGHT}px`;
  }

  get colors(): Colors {
    return this.theme.colors;
  }

  /** Draws, and gives back what the reader must know of it. */
  show(result: Result, asTable: boolean): readonly string[] {
    this.result = result;
    const { kind } = this;
    if (!kind) throw new ChartError(`"${this.figure.dataset['chart'] ?? ''}" is no kind of chart; the kinds are ${KINDS.join(', ')}.`);
    if (result.rows === 0) this.replace(el('p', { class: 'empty' }, 'No rows'));
    else if (asTable && kind !== 'table') this.replace(rowsOfChart(result, this.tableSettings(result)));
    else if (kind === 'table') this.replace(tableView(result, this.tableSettings(result), this.height()));
    else if (kind === 'value') this.replace(valueView(result, this.options));
    else return this.canvas(kind, result);
    return [];
  }

  /** Puts something else in the chart's place. */
  replace(content: HTMLElement): void {
    this.dispose();
    this.box.replaceChildren(content);
    const fixed = this.height();
    this.box.style.minHeight = content.matches('.empty') && fixed ? `${fixed}px` : '';
  }

  dispose(): void {
    this.chart?.dispose();
    this.chart = null;
    this.drawing = null;
  }

  private canvas(kind: CanvasKind, result: Result): readonly string[] {
    const { options } = this;
    const start = performance.now();
    const drawing = draw(kind, result, options, { colors: this.colors, width: this.box.clientWidth || 600, hidden: this.hidden, chosen: this.chosen(), shapes: this.shapes });
    if (drawing.points === 0 && this.hidden.size === 0) {
      this.replace(el('p', { class: 'empty' }, 'No values: all are NULL'));
      return drawing.notes;
    }
    this.drawing = drawing;
    const height = this.height() ?? drawing.height ?? HEIGHT;
    if (!this.chart) {
      const canvas = el('div', { class: 'canvas', role: 'img' });
      this.box.replaceChildren(this.legend.element, canvas);
      this.box.style.minHeight = '';
      canvas.style.height = `${height}px`;
      this.chart = createChart(canvas);
      this.chart.on('click', (mark) => this.onMark(mark as unknown as Mark));
      this.chart.getZr().on('click', ({ offsetX, offsetY }) => this.onPlace([offsetX, offsetY]));
    }
    const host = this.chart.getDom();
    host.style.height = `${height}px`;
    host.style.setProperty('--shape', `${host.clientWidth} / ${height}`); // for paper, which is narrower
    host.setAttribute('aria-label', this.spoken(kind, result, drawing));
    this.legend.show(drawing);
    this.chart.resize();
    this.chart.setOption(drawing.option, { notMerge: true }); // draws before it returns
    performance.measure(`quack-draw ${this.title()}`, { start });
    return drawing.notes;
  }

  private spoken(kind: string, result: Result, { legend, pictures }: Drawing): string {
    const some = (all: readonly string[]) => `${all.slice(0, 8).join(', ')}${all.length > 8 ? ` and ${all.length - 8} more` : ''}`;
    const names = (legend.length > 0 ? `: ${some(legend.map(({ name }) => name))}` : '') + (pictures ? `, a picture for each of ${some(pictures)}` : '');
    return `${this.title()}: ${kind} chart of ${count(result.rows)} ${result.rows === 1 ? 'row' : 'rows'}${names}. The menu below shows it as a table.`;
  }

  private onMark(mark: Mark): void {
    if (!this.drawing?.along) this.pick(this.drawing?.rowOf(mark.seriesIndex, mark.dataIndex) ?? null);
  }

  /** A bar of a small number is hard to hit, and a line has no marks: the whole strip above the place counts. */
  private onPlace(pixel: [number, number]): void {
    const { along, pictures } = this.drawing ?? {};
    const { chart } = this;
    if (!along || !chart) return;
    for (let gridIndex = 0; gridIndex < (pictures?.length ?? 1); gridIndex += 1) {
      if (!chart.containPixel({ gridIndex }, pixel)) continue;
      const place: unknown = chart.convertFromPixel({ gridIndex }, pixel);
      if (Array.isArray(place)) return this.pick(along.rowAt(Number(place[along.axis]), gridIndex));
    }
  }

  private pick(row: number | null): void {
    const { filter } = this.options;
    if (filter === undefined || row === null || !this.result) return;
    const value = xColumn(this.result, this.options.x).text(row);
    if (value !== null) this.inputs().toggle(filter, value);
  }

  /** What the input of `filter` has, when it was chosen: other marks are fainter then. */
  private chosen(): Chosen | null {
    const { filter } = this.options;
    if (filter === undefined || !this.inputs().isSet(filter)) return null;
    const values = new Set(this.inputs().value(filter));
    return (column, row) => {
      const text = column.text(row);
      return text !== null && (values.has(text) || (column.kind === 'time' && values.has(text.slice(0, 10))));
    };
  }

  private tableSettings(result: Result): TableSettings {
    const { filter, format, spark, y } = this.options;
    const sparks = spark === undefined ? [] : list(spark).map((name) => findColumn(result, name));
    const other = sparks.find((column) => !column.isList);
    if (other) throw new ChartError(`The column "${other.name}" has no lists of numbers in it, and spark draws those.`);
    const formatted: Column[] | null = y === undefined ? null : list(y).map((name) => findColumn(result, name));
    return {
      title: this.title(),
      sparks,
      format: (column) => (format !== undefined && (formatted ? formatted.includes(column) : true) && column !== this.named(result) ? format : undefined),
      filter: filter === undefined ? undefined : { column: xColumn(result, this.options.x), chosen: this.chosen(), pick: (value) => this.inputs().toggle(filter, value) },
    };
  }

  private named(result: Result): Column | null {
    return this.options.x === undefined ? null : findColumn(result, this.options.x);
  }

  private height(): number | null {
    const height = Number.parseInt(this.options.height ?? '', 10);
    return height > 0 ? Math.min(height, 4000) : null;
  }
}
