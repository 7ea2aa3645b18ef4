// What pages with a map load besides: the countries' shapes, and how they, a page's own, and points lie on a plane. A page that was saved has it in
// it, and finds it here.
import type { Maps } from '../charts/maps.js';
import { map } from './map.js';

const maps: Maps = { map };
globalThis.quackMaps = maps;
