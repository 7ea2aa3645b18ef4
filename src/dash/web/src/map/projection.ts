// How a map lies on a plane.
import { geoBounds, geoCentroid, geoMercator, geoNaturalEarth1, type ExtendedFeatureCollection, type GeoGeometryObjects, type GeoProjection } from 'd3-geo';

type Seen = GeoGeometryObjects | ExtendedFeatureCollection;
type Size = [number, number];

/** Pixels that are left free at the edges. */
const EDGE = 28;
/** Of the scale at which the whole world is to be seen: countries are coarse. */
const CLOSEST = 14;
/** Degrees east to west, and from the equator, within which angles are kept: beyond, that would make the poles too large. */
const WIDEST = 90;
const FARTHEST = 75;

const extentOf = ([width, height]: Size): [Size, Size] => [[EDGE, EDGE], [width - EDGE, height - EDGE]];
const clipped = (projection: GeoProjection, [width, height]: Size): GeoProjection => projection.clipExtent([[-1, -1], [width + 1, height + 1]]);

/** So that all of `what` is to be seen; of one place, or of a small country, the land around it, too. */
export function fitted(what: Seen, size: Size): GeoProjection {
  const extent = extentOf(size);
  const closest = geoNaturalEarth1().fitExtent(extent, { type: 'Sphere' }).scale() * CLOSEST;
  const projection = geoNaturalEarth1().fitExtent(extent, what);
  const middle: Size = [size[0] / 2, size[1] / 2];
  const scale = projection.scale();
  if (!Number.isFinite(scale)) {
    // A single place has no extent.
    projection.scale(closest).translate([0, 0]);
    const [x, y] = projection(geoCentroid(what)) ?? [0, 0];
    projection.translate([middle[0] - x, middle[1] - y]);
  } else if (scale > closest) {
    // What is in the middle stays there.
    const [x, y] = projection.translate();
    const share = closest / scale;
    projection.scale(closest).translate([middle[0] + (x - middle[0]) * share, middle[1] + (y - middle[1]) * share]);
  }
  return clipped(projection, size);
}

/** So that all of `what` is to be seen, however small: a city looks as on its own maps, with north above. */
export function near(what: Seen, size: Size): GeoProjection {
  const [[west, south], [east, north]] = geoBounds(what);
  const wide = east < west ? east - west + 360 : east - west;
  const isNear = wide <= WIDEST && Math.max(Math.abs(south), Math.abs(north)) <= FARTHEST;
  const projection = isNear ? geoMercator().rotate([-(west + wide / 2), 0]) : geoNaturalEarth1();
  return clipped(projection.fitExtent(extentOf(size), what), size);
}
